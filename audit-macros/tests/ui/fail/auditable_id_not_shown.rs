use audit_core::Auditable;

#[derive(Auditable)]
#[audit(resource = "page")]
struct Page {
    #[audit(id)]
    number: Option<u8>,
}

fn main() {}
