use std::sync::Mutex;

use audit_core::Auditable;

#[derive(Auditable, serde::Serialize)]
struct Login {
    #[audit(redact)]
    password: String,
}

// `Mutex` is no `AuditValue`, and its `Serialize` shows the password.
#[derive(Auditable)]
struct Session {
    login: Option<Mutex<Login>>,
}

fn main() {}
