use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    Pay {
        #[audit(redact)]
        iban: String,
    },
}

fn main() {}
