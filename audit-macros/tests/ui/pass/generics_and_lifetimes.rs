#![deny(warnings)]

use audit_core::audited;

use std::fmt::{Debug, Display};

#[audited(action = "longest", resource = "text", resource_id = left)]
pub async fn longest<'a>(left: &'a str, right: &'a str) -> &'a str {
    if left.len() > right.len() { left } else { right }
}

#[audited(action = "generic", resource = "thing", resource_id = value)]
pub async fn generic<const N: usize, T, E>(value: T, errors: [E; N]) -> Result<T, E>
where
    T: Display + Clone,
    E: Debug,
{
    match errors.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(value),
    }
}

#[audited(action = "borrowed", resource = "list", resource_id = list.0.len())]
pub async fn borrowed(list: &mut Borrowed<'_>) -> Option<&'static str> {
    list.0.pop()
}

pub struct Borrowed<'a>(pub &'a mut Vec<&'static str>);

fn main() {}
