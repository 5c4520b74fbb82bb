#![deny(warnings)]

use audit_core::{Action, AuditAction, Sensitivity, Severity};

#[derive(AuditAction)]
#[audit(prefix = "invoice", category = "billing", severity = info, sensitivity = low)]
enum InvoiceAction {
    #[audit(sensitivity = high, alert, security)]
    Approve,
    #[audit(name = "paid_in_full", severity = warning, category = "money")]
    Paid { amount: u64 },
    SentTo(&'static str),
}

#[derive(AuditAction)]
enum Bare {
    LogIn,
    #[audit(name = "session.log_out")]
    LogOut,
    r#Type,
    PDFShown,
}

#[derive(AuditAction)]
enum Word {
    #[audit(severity = debug, sensitivity = low)]
    First,
    #[audit(severity = info, sensitivity = medium)]
    Second,
    #[audit(severity = warning, sensitivity = high)]
    Third,
    #[audit(severity = error, sensitivity = critical)]
    Fourth,
    #[audit(severity = critical)]
    Fifth,
}

fn main() {
    let of = |name| Action::new(name).category("billing").severity(Severity::Info);
    assert_eq!(
        InvoiceAction::Approve.action(),
        of("invoice.approve").sensitivity(Sensitivity::High).alert().security()
    );
    let paid = InvoiceAction::Paid { amount: 7 };
    assert_eq!(
        paid.action(),
        of("invoice.paid_in_full")
            .category("money")
            .severity(Severity::Warning)
            .sensitivity(Sensitivity::Low)
    );
    if let InvoiceAction::Paid { amount } = paid {
        assert_eq!(amount, 7);
    }
    let sent = InvoiceAction::SentTo("Ada");
    assert_eq!(sent.action(), of("invoice.sent_to").sensitivity(Sensitivity::Low));
    if let InvoiceAction::SentTo(whom) = sent {
        assert_eq!(whom, "Ada");
    }

    let all = InvoiceAction::actions();
    assert_eq!(all, [InvoiceAction::Approve.action(), paid.action(), sent.action()]);

    assert_eq!(Bare::LogIn.action(), Action::new("log_in"));
    assert_eq!(Bare::LogOut.action(), Action::new("session.log_out"));
    assert_eq!(Bare::Type.action(), Action::new("type"));
    assert_eq!(Bare::PDFShown.action(), Action::new("pdf_shown"));

    let plain = |name, severity| Action::new(name).severity(severity);
    let all = [
        (Word::First, plain("first", Severity::Debug).sensitivity(Sensitivity::Low)),
        (Word::Second, plain("second", Severity::Info).sensitivity(Sensitivity::Medium)),
        (Word::Third, plain("third", Severity::Warning).sensitivity(Sensitivity::High)),
        (Word::Fourth, plain("fourth", Severity::Error).sensitivity(Sensitivity::Critical)),
        (Word::Fifth, plain("fifth", Severity::Critical)),
    ];
    for (word, action) in all {
        assert_eq!(word.action(), action);
    }
}
