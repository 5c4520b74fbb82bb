//! The audit log, page by page, for those who may read it. That it was read is an entry as well.

use audit_core::query::MAX_LIMIT;
use audit_core::store::Entry;
use audit_core::{Cursor, Query, audited};
use axum::extract::{self, State};
use axum::{Extension, Json};
use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::{AUDITOR, User};
use crate::error::AppError;

/// Which page: so many entries, from where the last page ended.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Entries, newest first, and what to pass as `cursor` for the next page; null on the last one.
#[derive(Serialize)]
pub(crate) struct Page {
    entries: Vec<Value>,
    next: Option<String>,
}

#[audited(action = "log.read", resource = "log", resource_id = crate::LOG_ORIGIN)]
pub(crate) async fn events(
    State(app): State<App>,
    Extension(user): Extension<User>,
    extract::Query(wanted): extract::Query<Wanted>,
) -> Result<Json<Page>, AppError> {
    user.must_be(AUDITOR)?;
    let page = app.log.search(&wanted.query()?).await?;
    Ok(Json(Page {
        entries: page.entries.iter().map(shown).collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

impl Wanted {
    fn query(self) -> Result<Query, AppError> {
        let mut query = Query::new();
        if let Some(limit) = self.limit {
            if !(1..=MAX_LIMIT).contains(&limit) {
                return Err(AppError::Limit);
            }
            query = query.limit(limit);
        }
        if let Some(cursor) = self.cursor {
            query = query.cursor(cursor.parse::<Cursor>()?);
        }
        Ok(query)
    }
}

fn shown(entry: &Entry) -> Value {
    json!({
        "log": entry.log,
        "index": entry.index,
        "leaf_hash": entry.leaf_hash.to_string(),
        "recorded_at": entry.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "event": entry.event(),
    })
}
