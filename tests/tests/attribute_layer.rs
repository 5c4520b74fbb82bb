//! Audited handlers under the layer: what the answer's status, the function itself and the log have to say.
#![cfg(test)]

#[path = "attribute_layer/answers.rs"]
mod answers;
#[path = "support/around.rs"]
mod around;
#[path = "attribute_layer/nested.rs"]
mod nested;
#[path = "attribute_layer/strict_not_run.rs"]
mod strict_not_run;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests have other needs")]
mod support;
#[path = "attribute_layer/unavailable.rs"]
mod unavailable;
#[path = "attribute_layer/values_left.rs"]
mod values_left;

use audit_core::Recorder;
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use tower::ServiceExt as _;

/// The answer to `POST path`.
async fn post(routes: Router, recorder: &Recorder, path: &str) -> Response<Body> {
    let request = Request::post(path).body(Body::empty()).unwrap();
    routes.layer(AuditLayer::new(recorder.clone())).oneshot(request).await.unwrap()
}
