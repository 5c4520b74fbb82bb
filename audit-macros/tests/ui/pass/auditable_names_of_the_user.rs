#![deny(warnings)]

use ::audit_core::Auditable;

// None of these is what the generated code means by the name.
pub mod core {}
pub mod audit_core {}
pub struct Snapshot;
pub struct Resource;
pub struct Field;
pub struct Secret;
pub struct Members;
pub trait AuditValue {}

pub fn member() {}

pub trait BySerde {
    fn audit_snapshot(&self) {}
    fn audit_value(&self) {}
    fn snapshot(&self) {}
    fn into(&self) {}
}

#[derive(Auditable)]
#[audit(resource = "name")]
struct Names<Part: serde::Serialize> {
    #[audit(id)]
    __audit_members: u8,
    part: Part,
    r#type: bool,
    #[audit(redact)]
    secret: String,
}

fn main() {
    let names = Names { __audit_members: 1, part: 2, r#type: true, secret: String::new() };
    drop(names.snapshot());
}
