#![deny(warnings)]

use audit_core::Auditable;

macro_rules! resource {
    ($name:ident, $kind:literal, $id:ident: $type:ty, $renamed:literal) => {
        #[derive(Auditable)]
        #[audit(resource = $kind)]
        pub struct $name {
            #[audit(id, rename = $renamed)]
            $id: $type,
            others: Vec<$type>,
        }
    };
}

resource!(Invoice, "invoice", number: u64, "no");

fn main() {
    let invoice = Invoice { number: 1, others: vec![2] };
    drop(invoice.snapshot());
}
