#![deny(warnings)]

use audit_core::audited;

// None of these is what the generated code means by the name.
pub mod core {}
pub mod audit {}
pub struct Option;
pub struct Result;
pub struct Site;
pub enum Verdict {}

#[expect(non_snake_case, reason = "in the way")]
pub fn Some() {}

pub trait Poll {
    fn poll(&self) {}
}

impl<T> Poll for T {}

macro_rules! concat {
    () => {};
}
concat!();

#[audited(action = "names", resource = "name", resource_id = __audit)]
pub async fn names(__audit: u8, __audit_output: u8, __audit_context: u8) -> u8 {
    let __audit_body = __audit + __audit_output;
    __audit_body + __audit_context
}

fn main() {}
