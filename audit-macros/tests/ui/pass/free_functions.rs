#![deny(warnings)]

use audit_core::audited;

#[audited(action = "unit")]
pub async fn unit() {}

#[audited(action = "value", resource = "text", resource_id = text)]
pub async fn value(text: &str) -> usize {
    text.len()
}

#[audited(action = "option")]
pub async fn option(value: Option<u8>) -> Option<u8> {
    Some(value? + 1)
}

#[audited(action = "result")]
pub async fn result(text: String) -> Result<u8, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
}

fn main() {}
