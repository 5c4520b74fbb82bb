//! The facts of a request that its events carry.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use audit_core::RequestInfo;
use http::request::Parts;
use http::{HeaderValue, header};

use crate::request_id::RequestId;
use crate::session::{SessionKey, cookie};

/// The name of the session cookie, and the key under which its value is hashed.
#[derive(Debug, Clone)]
pub(crate) struct SessionCookie {
    pub(crate) name: String,
    pub(crate) key: SessionKey,
}

/// Copies what is worth knowing out of a request's head: nothing in the result points into the buffers
/// of its connection, as an event may outlive it in the queue.
pub(crate) fn request_info(
    head: &Parts,
    id: &RequestId,
    session: Option<&SessionCookie>,
) -> RequestInfo {
    let mut info = RequestInfo::new().method(head.method.as_str());
    if let Ok(id) = id.value.to_str() {
        info = info.id(id);
    }
    if id.refused {
        info = info.altered("/request/id");
    }
    if let Some(route) = route(head) {
        info = info.route(route);
    }
    let host = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
    if let Some(host) = host.or_else(|| Some(head.uri.authority()?.as_str().as_bytes())) {
        info = lossy(info, host, "/request/host", RequestInfo::host);
    }
    if let Some(ip) = peer(head) {
        info = info.ip(ip);
    }
    if let Some(agent) = head.headers.get(header::USER_AGENT) {
        let agent = agent.as_bytes();
        info = lossy(info, agent, "/request/user_agent", RequestInfo::user_agent);
    }
    let session = session.and_then(|by| Some(by.key.hash(&cookie(&head.headers, &by.name)?)));
    match session {
        Some(session) => info.session(session),
        None => info,
    }
}

/// Sets a text that need not be one, and notes where it is not.
fn lossy(
    info: RequestInfo,
    bytes: &[u8],
    pointer: &'static str,
    set: fn(RequestInfo, String) -> RequestInfo,
) -> RequestInfo {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => set(info, text.to_owned()),
        Cow::Owned(text) => set(info.altered(pointer), text),
    }
}

/// The address at the other end of the connection. No header has a say in it: whoever can connect can
/// send any header.
fn peer(head: &Parts) -> Option<IpAddr> {
    #[cfg(feature = "axum")]
    if let Some(info) = head.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0.ip());
    }
    head.extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

#[cfg(feature = "axum")]
fn route(head: &Parts) -> Option<&str> {
    head.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

#[cfg(not(feature = "axum"))]
fn route(_head: &Parts) -> Option<&str> {
    None
}
