//! Every argument, beside each other and alone.

use audit_core::{
    Actor, AuditAction, ErrorInfo, NotRecorded, Recorder, Sensitivity, Verdict, audited,
};

/// The crate under another name.
mod billing {
    pub use audit_core;
}

#[derive(Debug)]
struct Failed;

impl From<NotRecorded> for Failed {
    fn from(_: NotRecorded) -> Self {
        Self
    }
}

const APPROVE: &str = "invoice.approve";

#[derive(AuditAction)]
#[audit(prefix = "invoice")]
enum InvoiceAction {
    #[audit(sensitivity = high, alert)]
    Pay,
}

struct User {
    id: u64,
    recorder: Recorder,
    actor: std::sync::Arc<Actor>,
}

#[derive(serde::Serialize)]
struct Money {
    amount: u64,
}

#[audited(
    action = APPROVE,
    resource = "invoice",
    resource_id = id,
    parent("customer", &customer[..2]),
    actor = Actor::user(user.id.to_string()),
    category = "billing",
    severity = warning,
    sensitivity = high,
    message = "invoice {id} of {customer:?} approved, 100 %",
    tags("billing", customer),
    labels(region = "eu", "desk.number" = id + 1, type = 7),
    metadata(money = money, note = None::<u8>),
    reason = "ticket",
    retention = "finance",
    sensitive,
    compliance,
    durability = strict,
    recorder = user.recorder,
    outcome = |result: &Result<u64, Failed>| match result {
        Ok(0) => Verdict::denied(ErrorInfo::untold()),
        Ok(_) => Verdict::success(),
        Err(_) => Verdict::failure(ErrorInfo::new("failed").code("x")),
    },
    skip_if = customer.is_empty(),
    crate = billing::audit_core,
)]
async fn approve(user: User, id: u64, customer: String, money: Money) -> Result<u64, Failed> {
    drop(user);
    drop(customer);
    Ok(id + money.amount)
}

fn judged(_: &u16) -> Verdict {
    Verdict::success()
}

#[audited(action = InvoiceAction::Pay, actor = user.actor, outcome = judged, recorder = &user.recorder)]
async fn pay(user: &User) -> u16 {
    200
}

#[audited(action = "a.b", message = "plain")]
fn worded() {}

#[audited(action = "a.c", compliance, tags(), labels(), metadata(),)]
fn empty_lists() {}

fn main() {
    worded();
    empty_lists();
    let _ = (approve, pay, InvoiceAction::Pay.action(), Sensitivity::High);
}
