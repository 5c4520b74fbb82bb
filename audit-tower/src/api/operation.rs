//! How the recorder does, what of the application is recorded, and what the API is.

use audit_core::event::SCHEMA;
use axum::response::Response;
use axum::{Extension, Json};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::access::Right;
use super::asker::Asker;
use super::cached::cached;
use super::failed::{self, Refusals};
use crate::layer::AuditLayer;
use crate::problem::Problem;

/// How the recorder does
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, body = Object), Refusals))]
pub(super) async fn health(asker: Asker) -> Result<Json<Value>, Problem> {
    asker.demand(Right::Manage)?;
    let health = asker.shared.recorder.health();
    let mut view = serde_json::to_value(&health).map_err(|error| failed::inside(&error))?;
    if let Some(view) = view.as_object_mut() {
        view.insert("is_good".to_owned(), health.is_good().into());
    }
    Ok(Json(view))
}

/// Which routes of the application are recorded, and how
///
/// An array of objects with `method`, `route` and `recorded` (`attribute`, `policy`, `exempt`, `no`); empty where the application has not said
/// which layer it is that records.
#[utoipa::path(get, path = "/coverage", tag = "operation", responses((status = 200, body = Vec<Object>), Refusals))]
pub(super) async fn coverage(
    asker: Asker,
    layer: Option<Extension<AuditLayer>>,
) -> Result<Json<Value>, Problem> {
    asker.demand(Right::Manage)?;
    let coverage = layer.map(|Extension(layer)| serde_json::to_value(layer.coverage()));
    let coverage = coverage.unwrap_or_else(|| Ok(Value::Array(Vec::new())));
    coverage.map(Json).map_err(|error| failed::inside(&error))
}

/// The JSON Schema of an event
#[utoipa::path(get, path = "/schema.json", tag = "operation", responses((status = 200, body = Object), Refusals))]
pub(super) async fn schema(_asker: Asker, headers: HeaderMap) -> Response {
    cached(Bytes::from_static(SCHEMA.as_bytes()), &headers)
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "operation", responses((status = 200, body = Object), Refusals))]
pub(super) async fn openapi(asker: Asker, headers: HeaderMap) -> Response {
    cached(asker.shared.openapi.clone(), &headers)
}
