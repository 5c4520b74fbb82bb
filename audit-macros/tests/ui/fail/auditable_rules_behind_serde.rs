use std::ops::Range;

use audit_core::Auditable;

#[derive(Auditable, serde::Serialize)]
struct Login {
    #[audit(redact)]
    password: String,
}

// `Range` is no `AuditValue`, and its `Serialize` shows the passwords.
#[derive(Auditable)]
struct Session {
    between: Option<Range<Login>>,
}

fn main() {}
