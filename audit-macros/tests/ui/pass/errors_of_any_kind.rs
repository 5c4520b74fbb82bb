#![deny(warnings)]

use audit_core::audited;

pub struct Opaque;

#[audited(action = "opaque")]
pub async fn opaque() -> Result<(), Opaque> {
    Err(Opaque)
}

#[audited(action = "shown")]
pub async fn shown() -> Result<(), &'static str> {
    Err("no")
}

#[audited(action = "error")]
pub async fn error() -> std::io::Result<()> {
    Err(std::io::ErrorKind::NotFound.into())
}

#[audited(action = "boxed")]
pub async fn boxed() -> Result<(), Box<dyn std::error::Error>> {
    Err("no")?;
    Ok(())
}

#[audited(action = "nested")]
pub async fn nested() -> Option<Result<(), String>> {
    None
}

#[audited(action = "parse")]
pub fn parse<'a>(text: &'a str) -> Result<u8, Box<dyn std::error::Error + 'a>> {
    text.parse().map_err(Into::into)
}

#[audited(action = "parse.send")]
pub async fn parse_send<'a>(text: &'a str) -> Result<u8, Box<dyn std::error::Error + Send + Sync + 'a>> {
    text.parse().map_err(Into::into)
}

fn main() {}
