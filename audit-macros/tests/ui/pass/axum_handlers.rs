#![deny(warnings)]

use audit_core::audited;
use axum::extract::{Json, Path, Query};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};

#[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
async fn approve(
    Path((id, _)): Path<(u64, String)>,
    Query(mut at): Query<Vec<(String, String)>>,
    Json(body): Json<Vec<u8>>,
) -> Result<Json<usize>, (StatusCode, String)> {
    at.clear();
    if id == 0 {
        return Err((StatusCode::NOT_FOUND, "no invoice".to_owned()));
    }
    Ok(Json(body.len()))
}

#[audited(action = "invoice.create", resource = "invoice", resource_id_from = |made: &Json<u64>| made.0)]
async fn create() -> Result<Json<u64>, StatusCode> {
    Ok(Json(1))
}

#[audited(action = "page")]
async fn page() -> Html<&'static str> {
    Html("<p>")
}

#[audited(action = "any")]
async fn any() -> impl IntoResponse {
    (StatusCode::CREATED, "made")
}

pub fn router() -> axum::Router {
    axum::Router::new()
        .route("/{id}/{to}", post(approve))
        .route("/", post(create).get(page))
        .route("/any", get(any))
}

fn main() {}
