//! What is known of a request before anything else sees it.

use std::net::{IpAddr, SocketAddr};

use audit_core::{AuditContext, RequestInfo};
use http::HeaderName;
use http::request::Parts;

use crate::client_ip::{ClientIp, Proxies};
use crate::headers::{Told, Unusable};
use crate::request_id::{RequestId, sane};
use crate::session::Session;
use crate::trace::trace;

/// Says of each request what only the application knows: its tenant, by the host; its actor, by a certificate.
///
/// It is asked after the layer has filled in what it knows itself, and before the service inside is called, so before
/// any authentication there: what that says ([`AuditContext::set_actor`], [`IdentifyLayer`](crate::IdentifyLayer))
/// replaces what is said here.
///
/// Functions are it:
///
/// ```
/// # use audit_core::{AuditContext, Recorder, store::MemoryStore};
/// # use audit_tower::AuditLayer;
/// use http::{header, request::Parts};
///
/// fn tenant(head: &Parts, context: &AuditContext) {
///     let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
///     if let Some((tenant, _)) = host.and_then(|host| host.split_once('.')) {
///         context.set_tenant(tenant);
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// let layer = AuditLayer::new(recorder).make_context(tenant);
/// # Ok::<(), audit_core::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MakeContext: Send + Sync + 'static {
    /// Adds to the context of a request.
    fn make_context(&self, head: &Parts, context: &AuditContext);
}

impl<F: Fn(&Parts, &AuditContext) + Send + Sync + 'static> MakeContext for F {
    fn make_context(&self, head: &Parts, context: &AuditContext) {
        self(head, context);
    }
}

/// Where in a request to look for what.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) proxies: Proxies,
    pub(crate) session: Option<Session>,
    pub(crate) correlation_id: HeaderName,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            proxies: Proxies::default(),
            session: None,
            correlation_id: HeaderName::from_static("x-correlation-id"),
        }
    }
}

impl Places {
    /// Copies what is worth knowing out of a request's head: nothing in the result points into the buffers
    /// of its connection, as an event may outlive it in the queue.
    pub(crate) fn request_info(
        &self,
        head: &Parts,
        told: &Told<'_>,
        matched: &Matched,
        id: &RequestId,
    ) -> RequestInfo {
        let mut info = RequestInfo::new();
        info.set_method(head.method.as_str());
        // One that the application has made need not be text.
        let is_text = id.value.as_bytes().is_ascii();
        if is_text {
            info.set_id(&id.value);
        }
        if id.refused || !is_text {
            info.set_altered("/request/id");
        }
        match told.correlation_id.map(|id| id.map(sane)) {
            Ok(None) => {}
            Ok(Some(Some(id))) => info.set_correlation_id(id),
            Ok(Some(None)) | Err(Unusable) => info.set_altered("/request/correlation_id"),
        }
        match trace(told.traceparent) {
            Ok(None) => {}
            Ok(Some(trace)) => {
                info.set_trace_id(trace.trace_id);
                info.set_span_id(trace.span_id);
            }
            Err(Unusable) => info.set_altered("/request/trace_id"),
        }
        if let Some(route) = matched.route() {
            info.set_route(route);
        }
        match host(head, told) {
            Ok(None) => {}
            Ok(Some(host)) => info.set_host(host),
            Err(Unusable) => info.set_altered("/request/host"),
        }
        if let Some(peer) = peer(head) {
            let ClientIp { ip, is_nearest } = self.proxies.client_ip(peer, &head.headers);
            info.set_ip(ip);
            let peer = peer.to_canonical();
            if ip != peer {
                info.set_peer(peer.to_string());
            }
            if is_nearest {
                info.set_altered("/request/ip");
            }
        }
        if let Some(agent) = told.user_agent {
            info.set_user_agent(agent);
        }
        match self.session.as_ref().map(|session| session.of(&head.headers)) {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(session))) => info.set_session(session),
            Some(Err(Unusable)) => info.set_altered("/request/session"),
        }
        info
    }
}

/// The host that is asked, as the request's first line or its header says. Where they differ, nobody knows which one the
/// application goes by: RFC 9112, section 3.2.2, would have it the first line.
fn host<'a>(head: &'a Parts, told: &Told<'a>) -> Result<Option<&'a [u8]>, Unusable> {
    // Without a user's name and password.
    let bare = |host: &'a [u8]| host.rsplit(|&byte| byte == b'@').next().unwrap_or_default();
    let line = head.uri.authority().map(|authority| bare(authority.as_str().as_bytes()));
    let header = told.host?.map(|host| bare(host.as_bytes()));
    match (line, header) {
        (Some(line), Some(header)) if !line.eq_ignore_ascii_case(header) => Err(Unusable),
        _ => Ok(line.or(header)),
    }
}

/// The address at the other end of the connection, which no header has a say in.
fn peer(head: &Parts) -> Option<IpAddr> {
    #[cfg(feature = "axum")]
    if let Some(info) = head.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0.ip());
    }
    head.extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

/// The route of a request, where the router has told it.
pub(crate) struct Matched {
    #[cfg(feature = "axum")]
    path: Option<axum::extract::MatchedPath>,
}

impl Matched {
    #[cfg(feature = "axum")]
    pub(crate) fn of(head: &Parts) -> Self {
        Self { path: head.extensions.get().cloned() }
    }

    #[cfg(not(feature = "axum"))]
    pub(crate) fn of(_head: &Parts) -> Self {
        Self {}
    }

    /// Its pattern.
    #[cfg(feature = "axum")]
    pub(crate) fn route(&self) -> Option<&str> {
        self.path.as_ref().map(axum::extract::MatchedPath::as_str)
    }

    #[cfg(not(feature = "axum"))]
    pub(crate) fn route(&self) -> Option<&str> {
        None
    }
}
