//! The facts of a request that its events carry.

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
    if let Some(host) = host(head) {
        info = info.host(host);
    }
    if let Some(ip) = peer(head) {
        info = info.ip(ip);
    }
    if let Some(agent) = head.headers.get(header::USER_AGENT) {
        info = user_agent(info, agent);
    }
    let session = session.and_then(|by| Some(by.key.hash(&cookie(&head.headers, &by.name)?)));
    match session {
        Some(session) => info.session(session),
        None => info,
    }
}

fn user_agent(info: RequestInfo, agent: &HeaderValue) -> RequestInfo {
    let text = String::from_utf8_lossy(agent.as_bytes());
    let info = match &text {
        std::borrow::Cow::Borrowed(_) => info,
        std::borrow::Cow::Owned(_) => info.altered("/request/user_agent"),
    };
    info.user_agent(text)
}

fn host(head: &Parts) -> Option<String> {
    let named = head
        .headers
        .get(header::HOST)
        .map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    named.or_else(|| head.uri.authority().map(ToString::to_string))
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
