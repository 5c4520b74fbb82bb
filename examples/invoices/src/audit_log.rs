//! The audit log, page by page, for those who may read it. That it was read is an entry as well.

use audit_core::store::Page;
use audit_core::{Cursor, Query, audited};
use axum::extract::{self, State};
use axum::{Extension, Json};
use serde::Deserialize;

use crate::app::App;
use crate::auth::{AUDITOR, User};
use crate::error::AppError;

/// Which page: so many entries, from where the last page ended.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[audited(action = "log.read", resource = "log", resource_id = crate::LOG_ORIGIN)]
pub(crate) async fn events(
    State(app): State<App>,
    Extension(user): Extension<User>,
    extract::Query(wanted): extract::Query<Wanted>,
) -> Result<Json<Page>, AppError> {
    user.must_be(AUDITOR)?;
    Ok(Json(app.log.search(&wanted.query()?).await?))
}

impl Wanted {
    fn query(self) -> Result<Query, AppError> {
        let mut query = Query::new();
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        if let Some(cursor) = self.cursor {
            query = query.cursor(cursor.parse::<Cursor>()?);
        }
        Ok(query)
    }
}
