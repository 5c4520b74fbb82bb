#![deny(warnings)]

use audit_core::audited;

#[derive(Clone)]
pub struct Invoice {
    pub id: u64,
    pub name: String,
}

#[audited(action = "field", resource = "invoice", resource_id = invoice.id)]
pub async fn field(invoice: Invoice) -> Invoice {
    invoice
}

#[audited(action = "sum", resource = "invoice", resource_id = invoice.id + 1)]
pub async fn sum(invoice: &mut Invoice) {
    invoice.id += 1;
}

#[audited(action = "formatted", resource = "invoice", resource_id = format_args!("{}/{part}", invoice.id))]
pub async fn formatted(invoice: Invoice, part: u8) -> (Invoice, u8) {
    (invoice, part)
}

#[audited(action = "block", resource = "invoice", resource_id = {
    let id = invoice.id;
    if id == 0 { "none" } else { &invoice.name }
})]
pub async fn block(invoice: Invoice) -> Invoice {
    invoice
}

#[audited(action = "constant", resource = "invoice", resource_id = "all")]
pub async fn constant() {}

pub mod locked {
    use std::sync::Mutex;

    fn send<T: Send>(_: T) {}

    #[audit_core::audited(action = "locked", resource = "invoice", resource_id = id.lock().map_or(0, |id| *id))]
    async fn locked(id: &Mutex<u64>) {
        let _ = id;
    }

    pub fn the_guard_is_not_held_while_waiting(id: &Mutex<u64>) {
        send(locked(id));
    }
}

fn main() {}
