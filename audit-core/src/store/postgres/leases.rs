//! Who signs a log.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::read::{field, time};
use crate::store::doing::Doing;
use crate::store::{Lease, LogId, StoreError};

const TAKE: &str = "INSERT INTO audit.lease AS there (log_id, holder, until) VALUES ($1, $2, $3) \
     ON CONFLICT (log_id) DO UPDATE SET holder = excluded.holder, until = excluded.until \
     WHERE there.holder = excluded.holder OR there.until < $4";

const FIND: &str = "SELECT holder, until FROM audit.lease WHERE log_id = $1";

/// Takes or prolongs one; answers with the other that is there.
pub(super) async fn take(
    connection: &mut PgConnection,
    log: LogId,
    lease: &Lease,
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<Option<Lease>, StoreError> {
    let take = sqlx::query(TAKE).bind(log.0).bind(&lease.holder);
    let take = take.bind(lease.until).bind(now);
    take.execute(&mut *connection).await.map_err(|error| doing.failed(error))?;
    let row = sqlx::query(FIND).bind(log.0).fetch_one(connection).await;
    let row = row.map_err(|error| doing.failed(error))?;
    let read = || Some(Lease { holder: field(&row, 0)?, until: time(&row, 1)? });
    let there = read().ok_or_else(|| doing.damaged("the lease of the log cannot be read"))?;
    Ok(Some(there).filter(|there| there.holder != lease.holder))
}
