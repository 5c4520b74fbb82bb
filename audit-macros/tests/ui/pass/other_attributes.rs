#![deny(warnings)]

use audit_core::audited;

/// Documented.
#[must_use]
#[audited(action = "around")]
#[inline]
#[allow(clippy::unused_async, reason = "an example")]
pub async fn around() -> u8 {
    #![allow(unused_variables, reason = "at the beginning of the body")]
    //! Documented inside.
    let unused = 1;
    2
}

#[cfg(any())]
#[audited(action = "left_out")]
pub async fn left_out() -> Missing {}

#[audited(action = "argument_attributes")]
pub async fn argument_attributes(#[cfg(all())] a: u8, #[cfg(any())] b: Missing) -> u8 {
    a
}

fn main() {}
