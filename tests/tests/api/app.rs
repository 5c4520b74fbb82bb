//! An application with an API, and somebody who asks it.

use std::future::ready;
use std::time::Duration;

use audit_core::query::Scope;
use audit_core::{Actor, Event, EventBuilder, Outcome, Query, Recorder, RequestInfo};
use audit_tower::AuditLayer;
use audit_tower::api::{Access, Refused, Right, api};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::{Extension, Router};
use serde_json::Value;
use tower::ServiceExt as _;

/// Who asks is what a header says: `alice search,export acme,other`, the last ones tenants, if any.
fn authorize(head: &Parts) -> Result<Access, Refused> {
    let Some(who) = head.headers.get("x-who").and_then(|who| who.to_str().ok()) else {
        return Err(Refused::Unauthenticated("Bearer"));
    };
    let mut parts = who.split(' ');
    let name = parts.next().unwrap();
    let rights = parts.next().unwrap().split(',').filter_map(|right| {
        let named = [
            ("search", Right::Search),
            ("sensitive", Right::Sensitive),
            ("export", Right::Export),
            ("verify", Right::Verify),
            ("manage", Right::Manage),
        ];
        named.into_iter().find(|(name, _)| *name == right).map(|(_, right)| right)
    });
    let of_tenants = |it: &str| Scope::everything().tenants(it.split(','));
    let scope = parts.next().map_or(Scope::everything(), of_tenants);
    match name {
        "mallory" => Err(Refused::Forbidden),
        "nobody-knows" => Err(Refused::Unavailable),
        name => Ok(Access::new(Actor::user(name), rights, scope)),
    }
}

pub(crate) const AUDITOR: &str = "alice search,sensitive,export,verify,manage";
pub(crate) const CLERK: &str = "carol search,export";
pub(crate) const OF_ACME: &str = "anna search,sensitive,export,verify,manage acme";

pub(crate) struct App {
    pub(crate) recorder: Recorder,
    pub(crate) router: Router,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {}", text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What a problem document says.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document = self.json();
        assert_eq!(document["status"], self.status.as_u16());
        document["detail"].as_str().unwrap().to_owned()
    }

    /// A member of the event of each entry.
    pub(crate) fn of_events(&self, pointer: &str) -> Vec<Value> {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        let entries = self.json()["entries"].as_array().unwrap().clone();
        let of = |entry: Value| entry["event"].pointer(pointer).cloned().unwrap_or_default();
        entries.into_iter().map(of).collect()
    }
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::of(crate::support::recorder().start().await.unwrap())
    }

    pub(crate) fn of(recorder: Recorder) -> Self {
        let layer = AuditLayer::new(recorder.clone());
        let api = api(&recorder, |head: &Parts| ready(authorize(head))).into_router();
        let router = Router::new().nest("/audit", api);
        let router = router.layer(Extension(layer.clone())).layer(layer);
        Self { recorder, router }
    }

    /// The same without an audit layer around it.
    pub(crate) fn bare(recorder: Recorder) -> Self {
        let api = api(&recorder, |head: &Parts| ready(authorize(head)));
        let router = Router::new().nest("/audit", api.into_router());
        Self { recorder, router }
    }

    /// Twelve payments, by turns of two tenants and two actors.
    pub(crate) async fn with_payments() -> Self {
        let app = Self::new().await;
        for i in 0..12 {
            app.record(payment(i)).await;
        }
        app
    }

    pub(crate) async fn record(&self, event: EventBuilder) -> uuid::Uuid {
        self.recorder.record_durable(event).await.unwrap().event_id
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> Answer {
        self.ask("GET", who, path, &[]).await
    }

    pub(crate) fn request(
        method: &str,
        who: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Request<Body> {
        let request = Request::builder().method(method).uri(format!("/audit/api/v1{path}"));
        let request = match who {
            "" => request,
            who => request.header("x-who", who),
        };
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        who: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = Self::request(method, who, path, headers);
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 10_000_000).await.unwrap().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// What the log says of its own readers, oldest first, once all of it is in.
    pub(crate) async fn readings(&self) -> Vec<Value> {
        self.recorder.shutdown(Duration::from_secs(10)).await.unwrap();
        let query: Query = "action:audit.log.*".parse().unwrap();
        let page = self.recorder.reader().search(&query.oldest_first()).await.unwrap();
        page.entries.iter().map(audit_core::store::Entry::event).collect()
    }
}

/// A text as a part of a query of a URL.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

pub(crate) fn payment(i: usize) -> EventBuilder {
    let (tenant, actor) = [("acme", "u-1"), ("other", "u-2")][i % 2];
    let ip = format!("10.0.{}.{}", i / 256, i % 256).parse().unwrap();
    let request = RequestInfo::new().id(format!("r-{i}")).ip(ip);
    Event::builder("invoice.pay")
        .tenant(tenant)
        .actor(Actor::user(actor).name(format!("Name {actor}")))
        .resource("invoice", format!("i-{}", i % 4))
        .request(request)
        .outcome(if i.is_multiple_of(3) { Outcome::Failure } else { Outcome::Success })
        .message(format!("payment number {i} of {tenant}"))
        .metadata("secret of", tenant)
}
