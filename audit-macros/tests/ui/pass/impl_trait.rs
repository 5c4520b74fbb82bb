#![deny(warnings)]

use audit_core::audited;

use std::fmt::Display;

use audit_core::NotRecorded;

pub struct AppError;

impl From<NotRecorded> for AppError {
    fn from(_: NotRecorded) -> Self {
        Self
    }
}

impl From<std::num::ParseIntError> for AppError {
    fn from(_: std::num::ParseIntError) -> Self {
        Self
    }
}

#[audited(action = "shown")]
pub async fn shown(what: impl Display, short: bool) -> impl Display {
    if short {
        return String::new();
    }
    what.to_string()
}

#[audited(action = "parsed")]
pub async fn parsed(text: &str) -> Result<impl Display, AppError> {
    let number: u8 = text.parse()?;
    Ok(number)
}

#[audited(action = "durable", durability = durable)]
pub async fn durable(text: &str) -> Result<impl Display, AppError> {
    let number: u8 = text.parse()?;
    Ok(number)
}

#[audited(action = "iterator")]
pub async fn iterator(many: Vec<u8>) -> impl Iterator<Item = u8> {
    many.into_iter().rev()
}

fn main() {}
