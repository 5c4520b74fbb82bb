#![deny(warnings)]

use audit_core::{NotRecorded, audited};

pub struct AppError(pub Option<NotRecorded>);

impl From<NotRecorded> for AppError {
    fn from(error: NotRecorded) -> Self {
        Self(Some(error))
    }
}

pub type Fallible<T> = Result<T, AppError>;

#[audited(action = "direct", durability = durable)]
pub async fn direct() -> Result<(), AppError> {
    Err(AppError(None))
}

#[audited(action = "alias", durability = durable)]
pub async fn alias() -> Fallible<u8> {
    Ok(1)
}

#[audited(action = "ours", durability = durable)]
pub async fn ours() -> Result<u8, NotRecorded> {
    Ok(1)
}

#[audited(action = "generic", durability = durable)]
pub async fn generic<T, E: From<NotRecorded>>(result: Result<T, E>) -> Result<T, E> {
    result
}

#[audited(action = "boxed", durability = durable)]
pub async fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err("no".into())
}

#[audited(action = "buffered", durability = buffered)]
pub async fn buffered() -> Result<(), String> {
    Ok(())
}

fn main() {}
