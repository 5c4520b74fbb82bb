//! Invoices: what can be done with them, each with the name under which it is recorded.

use audit_core::audited;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::{APPROVER, User};
use crate::db;
use crate::error::AppError;

/// An invoice as clients see it.
#[derive(Serialize)]
pub(crate) struct Invoice {
    pub(crate) id: i64,
    pub(crate) customer: String,
    /// In cents.
    pub(crate) amount: i64,
    pub(crate) status: String,
}

/// What clients can say of an invoice.
#[derive(Deserialize)]
pub(crate) struct Content {
    pub(crate) customer: String,
    /// In cents.
    pub(crate) amount: i64,
}

/// `draft`, then `approved`, then `refunded`.
pub(crate) type Status = &'static str;
const DRAFT: Status = "draft";
const APPROVED: Status = "approved";
const REFUNDED: Status = "refunded";

impl Content {
    fn check(&self) -> Result<(), AppError> {
        if self.amount < 0 { Err(AppError::NegativeAmount) } else { Ok(()) }
    }
}

#[audited(action = "invoice.list", resource = "invoice")]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Vec<Invoice>>, AppError> {
    Ok(Json(db::invoices(&app.db).await?))
}

// The id is known when the invoice has been made, and stands in what is returned.
#[audited(
    action = "invoice.create",
    resource = "invoice",
    resource_id_from = |made: &(StatusCode, Json<Invoice>)| made.1.id
)]
pub(crate) async fn create(
    State(app): State<App>,
    Json(body): Json<Content>,
) -> Result<(StatusCode, Json<Invoice>), AppError> {
    body.check()?;
    Ok((StatusCode::CREATED, Json(db::insert(&app.db, &body).await?)))
}

#[audited(action = "invoice.read", resource = "invoice", resource_id = id)]
pub(crate) async fn read(
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Json<Invoice>, AppError> {
    Ok(Json(db::invoice(&app.db, id).await?))
}

#[audited(action = "invoice.update", resource = "invoice", resource_id = id)]
pub(crate) async fn update(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(body): Json<Content>,
) -> Result<Json<Invoice>, AppError> {
    body.check()?;
    Ok(Json(db::update(&app.db, id, &body).await?))
}

#[audited(action = "invoice.delete", resource = "invoice", resource_id = id)]
pub(crate) async fn delete(
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<StatusCode, AppError> {
    db::delete(&app.db, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

// Durable: the client is told of an approval or a refund only when its entry is committed.
#[audited(action = "invoice.approve", resource = "invoice", resource_id = id, durability = durable)]
pub(crate) async fn approve(
    State(app): State<App>,
    Extension(user): Extension<User>,
    Path(id): Path<i64>,
) -> Result<Json<Invoice>, AppError> {
    user.must_be(APPROVER)?;
    Ok(Json(db::advance(&app.db, id, DRAFT, APPROVED).await?))
}

#[audited(action = "invoice.refund", resource = "invoice", resource_id = id, durability = durable)]
pub(crate) async fn refund(
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Json<Invoice>, AppError> {
    Ok(Json(db::advance(&app.db, id, APPROVED, REFUNDED).await?))
}
