//! The layer.

use std::sync::Arc;

use audit_core::Recorder;
use tower_layer::Layer;

use crate::request_info::SessionCookie;
use crate::service::AuditService;
use crate::session::SessionKey;

/// Gives each request an audit context, and finishes its event when it is answered.
///
/// On an axum router, add it with `Router::layer` so that routes are known, and serve with
/// `into_make_service_with_connect_info::<SocketAddr>()` so that addresses are.
///
/// ```
/// use audit_core::{Recorder, store::MemoryStore};
/// use audit_tower::AuditLayer;
/// use axum::{Router, routing::post};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// let app: Router = Router::new().route("/pay", post(|| async { "paid" })).layer(AuditLayer::new(recorder));
/// # Ok::<(), audit_core::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AuditLayer {
    recorder: Recorder,
    session: Option<Arc<SessionCookie>>,
}

impl AuditLayer {
    /// A layer whose events go to `recorder`.
    #[must_use]
    pub fn new(recorder: Recorder) -> Self {
        Self { recorder, session: None }
    }

    /// Records which session a request belongs to, by the keyed hash of a cookie's value.
    #[must_use]
    pub fn session_cookie(mut self, name: impl Into<String>, key: SessionKey) -> Self {
        self.session = Some(Arc::new(SessionCookie { name: name.into(), key }));
        self
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> AuditService<S> {
        AuditService::new(inner, self.recorder.clone(), self.session.clone())
    }
}
