//! The layer.

use std::sync::Arc;

use audit_core::{AuditContext, Recorder, Source, SourceSystem};
use http::HeaderName;
use ipnet::IpNet;
use tower_layer::Layer;

use crate::classify::ClassifyOutcome;
use crate::client_ip::ProxyHeader;
use crate::coverage::{Coverage, Route, Watch};
use crate::make_context::MakeContext;
use crate::policy::{Policy, PolicyHandle};
use crate::request_id::MakeRequestId;
use crate::service::AuditService;
use crate::session::{Session, SessionKey, SessionPlace};
use crate::settings::Settings;

/// Gives each request an audit context, and finishes its event when it is answered.
///
/// On an axum router, add it with `Router::layer` so that routes are known, and serve with
/// `into_make_service_with_connect_info::<SocketAddr>()` so that addresses are. On other servers put the peer's
/// `SocketAddr` into the request's extensions; without one no header is believed, and no address recorded.
///
/// A 401 or 403 is a denial, other statuses from 400 on are failures, and so is what gRPC says in its trailers; where the
/// entry is `durable` or `strict`, those come too late, and what the function returned counts.
///
/// An answer is over with its head where its body knows a length of at most 64 KiB, else with its body: left in its midst, it is `cancelled`,
/// broken off, a failure.
///
/// A request begins when the service inside is ready for it: one that is given up before, as it waits for a `ConcurrencyLimit` in the
/// same `ServiceBuilder`, has no entry. Put what limits outside of this layer, or add both by a `Router::layer` each.
///
/// Within another `AuditLayer` that sees to the request it does nothing: that one's recorder, policy and routes are in force.
///
/// Recorded of each request: its id (`X-Request-Id`, where it is harmless, or else a new one, which the answer says),
/// `X-Correlation-Id`, the ids in `traceparent`, method, matched route, host, user agent, address, and that of the proxy that told
/// it; and what is asked for below.
///
/// ```
/// use audit_core::{Recorder, store::MemoryStore};
/// use audit_tower::AuditLayer;
/// use axum::{Router, routing::post};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// let layer = AuditLayer::new(recorder)
///     .service("billing", env!("CARGO_PKG_VERSION"))
///     .trusted_proxies(["10.0.0.0/8".parse()?]);
/// let app: Router = Router::new().route("/pay", post(|| async { "paid" })).layer(layer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AuditLayer {
    settings: Arc<Settings>,
}

impl AuditLayer {
    /// A layer whose events go to `recorder`.
    #[must_use]
    pub fn new(recorder: Recorder) -> Self {
        Self { settings: Arc::new(Settings::new(recorder)) }
    }

    /// Believes these proxies in what they say of the client's address, in `X-Forwarded-For` or another
    /// [header](Self::proxy_header). Without any, the address is that of the connection.
    #[must_use]
    pub fn trusted_proxies(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.with(|settings| settings.places.proxies.trust(networks))
    }

    /// Says in which header the trusted proxies tell the client's address. Only this one is read: any other that they
    /// let pass is the client's own.
    #[must_use]
    pub fn proxy_header(self, header: ProxyHeader) -> Self {
        self.with(|settings| settings.places.proxies.header = header)
    }

    /// Records which session a request belongs to, by the keyed hash of a cookie's value, percent-decoded.
    #[must_use]
    pub fn session_cookie(self, name: impl Into<String>, key: SessionKey) -> Self {
        let place = SessionPlace::cookie(&name.into());
        self.with(|settings| settings.places.session = Some(Session { place, key }))
    }

    /// Records which session a request belongs to, by the keyed hash of a header's value.
    #[must_use]
    pub fn session_header(self, name: HeaderName, key: SessionKey) -> Self {
        let place = SessionPlace::Header(name);
        self.with(|settings| settings.places.session = Some(Session { place, key }))
    }

    /// Takes the correlation id from this header, in place of `X-Correlation-Id`.
    #[must_use]
    pub fn correlation_header(self, name: HeaderName) -> Self {
        self.with(|settings| settings.places.correlation_id = name)
    }

    /// Says which service this is, and which version of it.
    #[must_use]
    pub fn service(self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let source = Source::new(SourceSystem::Web).service(name).version(version);
        // A context of its own, so that a copy of this layer that was made before keeps its name.
        let context = AuditContext::new();
        context.set_source(source);
        self.with(|settings| settings.context = context)
    }

    /// Says of each request what only the application knows.
    #[must_use]
    pub fn make_context(self, make: impl MakeContext) -> Self {
        self.with(|settings| settings.make_context = Some(Arc::new(make)))
    }

    /// Makes the ids of requests that bring none.
    #[must_use]
    pub fn make_request_id(self, make: impl MakeRequestId) -> Self {
        self.with(|settings| settings.make_request_id = Arc::new(make))
    }

    /// Tells from an answer how the request went, where its status does not.
    #[must_use]
    pub fn classify(self, classify: impl ClassifyOutcome) -> Self {
        self.with(|settings| settings.classify = Some(Arc::new(classify)))
    }

    /// Puts the receipt of a request's entry on its answer, as [`Audit-Receipt`](crate::AUDIT_RECEIPT): the event's id, and of a
    /// durable or strict entry, for which the answer waits, also where it stands and its leaf hash, for which
    /// [`prove::receipt_proof`](audit_core::prove::receipt_proof) gives a proof once it is signed.
    ///
    /// Not by default: it tells clients that, and how much, is recorded. There is none where the answer has no entry, where the
    /// audited function was not the outermost one to end, and where the service fails without an answer.
    #[must_use]
    pub fn receipts(self) -> Self {
        self.with(|settings| settings.receipts = true)
    }

    /// Records requests by another policy than the [default](Policy) one. When the layer is first put around something,
    /// there is an entry with its rules.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        self.with(|settings| {
            settings.policy = PolicyHandle::beginning(settings.recorder.clone(), policy);
        })
    }

    /// The policy that this layer and its clones record by, for replacing it while they are at work. Take it when the
    /// layer is complete: another [`policy`](Self::policy) is not the business of this handle any more.
    ///
    /// ```
    /// # use audit_core::{Recorder, store::MemoryStore};
    /// use audit_tower::{AuditLayer, Policy};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// let layer = AuditLayer::new(recorder);
    /// let policy = layer.policy_handle();
    /// // .. later, when the file has changed:
    /// let text = "[[rule]]\nrecord = 'metadata'\nroutes = ['/invoices/*']";
    /// let receipt = policy.replace(Policy::from_toml(text)?).await?;
    /// assert_eq!(&*receipt.log, "billing.example/audit/audit");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn policy_handle(&self) -> PolicyHandle {
        self.settings.policy.clone()
    }

    /// Tells the layer which routes there are, and what was declared of them: of axum's `MatchedPath`. It holds the
    /// application to that. Where a request is answered by a status below 300 and no audited function has recorded it, though
    /// its route is declared as audited, or is not declared at all, the layer records it itself, whatever the policy says,
    /// and [`coverage`](Self::coverage) says so.
    #[must_use]
    pub fn routes(self, routes: impl IntoIterator<Item = Route>) -> Self {
        self.with(|settings| settings.watch = Some(Arc::new(Watch::over(routes))))
    }

    /// Of which [routes](Self::routes) something is recorded, under the policy in force, and after what the requests have
    /// shown.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let policy = self.settings.policy.current();
        match &self.settings.watch {
            Some(watch) => watch.coverage(&policy),
            None => Watch::over([]).coverage(&policy),
        }
    }

    fn with(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> AuditService<S> {
        self.settings.policy.tell_beginning(&self.settings.context);
        AuditService::new(inner, Arc::clone(&self.settings))
    }
}
