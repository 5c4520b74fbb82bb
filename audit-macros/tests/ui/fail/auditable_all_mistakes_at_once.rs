use audit_core::Auditable;

#[derive(Auditable)]
#[audit(resource = "Invoice", crate = 7, colour)]
struct Invoice {
    #[audit(redact, personal)]
    token: String,
    #[audit(rename = "")]
    iban: String,
    #[audit(skip redact)]
    etag: u64,
    #[audit("id")]
    number: u64,
}

fn main() {}
