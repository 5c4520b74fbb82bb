#![deny(warnings)]

use audit_core::audited;

pub struct Invoice {
    pub id: u64,
    pub name: String,
}

type Made = Result<Invoice, String>;

fn made() -> Made {
    Err(String::new())
}

fn id_of(made: &Invoice) -> u64 {
    made.id
}

#[audited(action = "annotated", resource = "invoice", resource_id_from = |made: &Invoice| made.id)]
pub async fn annotated() -> Made {
    made()
}

#[audited(action = "inferred", resource = "invoice", resource_id_from = |made| made.id)]
pub async fn inferred() -> Made {
    made()
}

#[audited(action = "borrowed", resource = "invoice", resource_id_from = |made| &made.name)]
pub async fn borrowed() -> Made {
    made()
}

#[audited(action = "borrowed", resource = "invoice", resource_id_from = |made: &Invoice| made.name.as_str())]
pub async fn borrowed_and_annotated() -> Result<Invoice, String> {
    made()
}

#[audited(action = "path", resource = "invoice", resource_id_from = id_of)]
pub async fn path() -> Made {
    made()
}

#[audited(action = "captures", resource = "invoice", resource_id_from = |made| made.id + add)]
pub async fn captures(add: u64) -> Made {
    made()
}

#[audited(action = "method", resource = "text", resource_id_from = String::len)]
pub async fn method() -> Result<String, ()> {
    Ok(String::new())
}

fn main() {}
