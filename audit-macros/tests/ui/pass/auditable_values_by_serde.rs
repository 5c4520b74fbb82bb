#![deny(warnings)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_core::{AuditValue, Auditable};

#[derive(serde::Serialize)]
struct Plain {
    text: &'static str,
}

#[derive(Auditable)]
struct Ruled {
    #[audit(redact)]
    secret: u8,
}

#[derive(Auditable)]
struct Values {
    plain: Plain,
    many: Mutex<Vec<Plain>>,
    time: Duration,
    names: HashMap<&'static str, (Arc<Ruled>, Option<Ruled>)>,
    boxed: Box<dyn AuditValue>,
}

fn main() {
    let ruled = || Ruled { secret: 1 };
    let values = Values {
        plain: Plain { text: "a" },
        many: Mutex::new(vec![Plain { text: "b" }]),
        time: Duration::ZERO,
        names: HashMap::from([("c", (Arc::new(ruled()), Some(ruled())))]),
        boxed: Box::new(ruled()),
    };
    let snapshot = values.audit_value();
    assert_eq!(snapshot.redacted(), ["/boxed/secret", "/names/c/0/secret", "/names/c/1/secret"]);
    assert_eq!(snapshot.value()["many"][0]["text"], "b");
}
