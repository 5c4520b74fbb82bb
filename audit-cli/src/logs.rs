//! The logs of a database by name.

use audit_core::store::{LogInfo, Reader};

use crate::output::Failure;

/// The log that is meant by its name, or by the end of it, where only one ends so: `standard`.
pub(crate) async fn named(reader: &Reader, name: &str) -> Result<LogInfo, Failure> {
    let logs = reader.logs().await?;
    if let Some(log) = logs.iter().find(|log| log.origin == name) {
        return Ok(log.clone());
    }
    let end = format!("/{name}");
    let mut meant = logs.iter().filter(|log| log.origin.ends_with(&end));
    match (meant.next(), meant.next()) {
        (Some(log), None) => Ok(log.clone()),
        (None, _) => Err(Failure::NoSuchLog(name.to_owned(), names(logs.iter()))),
        (Some(one), Some(other)) => {
            Err(Failure::ManyLogs(name.to_owned(), names([one, other].into_iter())))
        }
    }
}

/// All logs, or the one that is meant.
pub(crate) async fn all_or(reader: &Reader, name: Option<&str>) -> Result<Vec<LogInfo>, Failure> {
    let logs = match name {
        Some(name) => vec![named(reader, name).await?],
        None => reader.logs().await?,
    };
    if logs.is_empty() { Err(Failure::NoLog) } else { Ok(logs) }
}

/// The first few, for a message.
fn names<'a>(logs: impl Iterator<Item = &'a LogInfo>) -> String {
    let names: Vec<_> = logs.take(5).map(|log| &*log.origin).collect();
    names.join(", ")
}
