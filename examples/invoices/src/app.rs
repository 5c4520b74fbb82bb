//! The routes, and what lies around them.

use std::net::SocketAddr;
use std::sync::Arc;

use audit_core::Recorder;
use audit_tower::Declared::Audited;
use audit_tower::api::api;
use audit_tower::{AuditLayer, Routes, SessionKey};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::{Extension, Router, middleware};
use sqlx::SqlitePool;
use tower_http::catch_panic::CatchPanicLayer;

use crate::auth::{self, Sessions};
use crate::{audit_log, demo, invoices};

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: SqlitePool,
    pub(crate) sessions: Arc<Sessions>,
}

impl App {
    pub(crate) fn new(db: SqlitePool) -> Self {
        Self { db, sessions: Arc::default() }
    }
}

/// The routes that anybody may call, and what is recorded of each.
fn open() -> Routes<App> {
    Routes::new().post("/login", auth::login, Audited("user.login"))
}

/// And those that need a login.
fn behind_login() -> Routes<App> {
    Routes::new()
        .post("/logout", auth::logout, Audited("user.logout"))
        .get("/invoices", invoices::list, Audited("invoice.list"))
        .post("/invoices", invoices::create, Audited("invoice.create"))
        .get("/invoices/{id}", invoices::read, Audited("invoice.read"))
        .put("/invoices/{id}", invoices::update, Audited("invoice.update"))
        .delete("/invoices/{id}", invoices::delete, Audited("invoice.delete"))
        .post("/invoices/{id}/approve", invoices::approve, Audited("invoice.approve"))
        .post("/invoices/{id}/refund", invoices::refund, Audited("invoice.refund"))
        .get("/slow", demo::slow, Audited("demo.slow"))
        .post("/panic", demo::panic, Audited("demo.panic"))
}

/// The whole service, with the client's address at hand, so that entries can name it.
pub(crate) fn router(
    app: App,
    recorder: Recorder,
    session_key: SessionKey,
) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    let login = middleware::from_fn_with_state(app.clone(), auth::require_login);
    let log = api(&recorder, audit_log::only_auditors).into_routes();
    let behind_login = behind_login().nest("/audit", log);
    let routes = open().merge(behind_login.map(|router| router.route_layer(login)));
    // It holds the routes to what they declare.
    let audit = AuditLayer::new(recorder)
        .routes(routes.list().to_vec())
        .session_cookie(auth::COOKIE, session_key);
    routes
        .into_router()
        // For `GET /audit/api/v1/coverage`.
        .layer(Extension(audit.clone()))
        // Around the check of the login, so that refusals are recorded as well.
        .layer(audit)
        // Around the audit layer: that records a panic and lets it pass, and this one answers 500.
        .layer(CatchPanicLayer::new())
        .with_state(app)
        .into_make_service_with_connect_info()
}

#[cfg(test)]
mod tests {
    use audit_tower::{Policy, assert_covered, coverage};

    use super::*;

    #[test]
    fn no_route_is_forgotten() {
        let routes = open().merge(behind_login());
        assert_covered!(coverage(routes.list(), &Policy::default()));
    }
}
