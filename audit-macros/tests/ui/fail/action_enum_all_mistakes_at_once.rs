use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(prefix = "Invoice", colour = 7, category = "", crate = "core")]
enum InvoiceAction {
    #[audit(severity = loud, sensitivity = 3, alert = true)]
    Approve,
    #[audit(name = "in full", name = "paid")]
    Paid {
        #[audit(skip)]
        amount: u64,
    },
    #[audit(category)]
    Send,
    #[audit(name = "send")]
    Post,
}

fn main() {}
