//! The routes, and what lies around them.

use std::net::SocketAddr;
use std::sync::Arc;

use audit_core::Recorder;
use audit_core::store::Reader;
use audit_tower::{AuditLayer, SessionKey};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::routing::{get, post};
use axum::{Router, middleware};
use sqlx::SqlitePool;
use tower_http::catch_panic::CatchPanicLayer;

use crate::auth::{self, Sessions};
use crate::{audit_log, demo, invoices};

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: SqlitePool,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) log: Reader,
}

impl App {
    pub(crate) fn new(db: SqlitePool, log: Reader) -> Self {
        Self { db, sessions: Arc::default(), log }
    }
}

/// The whole service, with the client's address at hand, so that entries can name it.
pub(crate) fn router(
    app: App,
    recorder: Recorder,
    session_key: SessionKey,
) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    let behind_login = Router::new()
        .route("/logout", post(auth::logout))
        .route("/invoices", get(invoices::list).post(invoices::create))
        .route("/invoices/{id}", get(invoices::read).put(invoices::update).delete(invoices::delete))
        .route("/invoices/{id}/approve", post(invoices::approve))
        .route("/invoices/{id}/refund", post(invoices::refund))
        .route("/audit/api/v1/events", get(audit_log::events))
        .route("/slow", get(demo::slow))
        .route("/panic", post(demo::panic))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::require_login));
    Router::new()
        .route("/login", post(auth::login))
        .merge(behind_login)
        // Around the check of the login, so that refusals are recorded as well.
        .layer(AuditLayer::new(recorder).session_cookie(auth::COOKIE, session_key))
        // Around the audit layer: that records a panic and lets it pass, and this one answers 500.
        .layer(CatchPanicLayer::new())
        .with_state(app)
        .into_make_service_with_connect_info()
}
