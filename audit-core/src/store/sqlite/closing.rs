//! A log that takes nothing any more.

use sqlx::sqlite::SqliteConnection;

use super::read::field;
use crate::store::doing::Doing;
use crate::store::{LogId, LogState, StoreError, StoreErrorKind};

const CLOSE: &str = "UPDATE audit_log SET state = ?2 WHERE log_id = ?1 AND state <> ?2 \
     AND (state = 'open' OR ?2 = 'frozen')";

const STATE: &str = "SELECT state FROM audit_log WHERE log_id = ?";

pub(super) async fn close(
    connection: &mut SqliteConnection,
    log: LogId,
    state: LogState,
    doing: &Doing,
) -> Result<(), StoreError> {
    let update = sqlx::query(CLOSE).bind(log.0).bind(state.as_str());
    update.execute(&mut *connection).await.map_err(|error| doing.failed(error))?;
    let row = sqlx::query(STATE).bind(log.0).fetch_optional(connection).await;
    let row = row.map_err(|error| doing.failed(error))?;
    match row.and_then(|row| field::<String>(&row, 0)) {
        Some(now) if now == state.as_str() => Ok(()),
        Some(now) => {
            let what = format!("{doing}: it is {now}, and does not become {}", state.as_str());
            Err(StoreError::new(StoreErrorKind::Rejected, what))
        }
        None => Err(doing.damaged("there is no such log")),
    }
}
