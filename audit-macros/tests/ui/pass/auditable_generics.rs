#![deny(warnings)]

use audit_core::{AuditValue, Auditable};

#[derive(Auditable)]
#[audit(resource = "page")]
struct Page<'a, I: std::fmt::Display, T, S = u8, const N: usize = 1>
where
    T: AuditValue + ?Sized,
    S: serde::Serialize,
{
    #[audit(id, skip)]
    id: I,
    first: &'a T,
    some: Vec<S>,
    all: [u8; N],
    text: &'a str,
}

#[derive(Auditable)]
struct Hidden<T>(#[audit(redact)] T);

fn main() {
    let page = Page { id: 'x', first: "a", some: vec![std::net::Ipv4Addr::LOCALHOST], all: [7], text: "b" };
    drop(page.audit_value());
    drop(Hidden(std::thread::current()).audit_value());
}
