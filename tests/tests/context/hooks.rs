//! What the application adds: its own facts, ids, outcomes, and who acts.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use audit_core::{Actor, ActorKind, AuditContext, Outcome, audited};
use audit_tower::{AuditLayer, IdentifyLayer, Policy, Rule};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header, response};
use axum::middleware::{Next, from_fn};
use axum::routing::post;
use futures::FutureExt as _;
use http_body::{Frame, SizeHint};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _};

use crate::support::{events, only_event, recorder};
use crate::{ask, ask_at, routes};

#[tokio::test]
async fn what_only_the_application_knows_stands_in_the_event() {
    let tenant = |head: &Parts, context: &AuditContext| {
        let host = head.headers[header::HOST].to_str().unwrap();
        context.set_tenant(host.split('.').next().unwrap());
    };
    let event = ask(|layer| layer.make_context(tenant), "").await;
    assert_eq!(event["tenant"], "shop");
    // And no more than it says.
    assert!(event["actor"].is_null());
}

#[tokio::test]
async fn a_hook_that_panics_leaves_an_entry_of_a_failure() {
    fn broken(_: &Parts, _: &AuditContext) {
        panic!("no host")
    }
    let hooks: [fn(AuditLayer) -> AuditLayer; 2] =
        [|layer| layer.make_context(broken), |layer| layer.make_request_id(|| panic!("no host"))];
    for hook in hooks {
        let recorder = recorder().start().await.unwrap();
        let clients_leave = Rule::none("clients leave").outcomes([Outcome::Cancelled]);
        let layer = AuditLayer::new(recorder.clone()).policy(Policy::new([clients_leave]).unwrap());
        let request = Request::post("/invoices/7/pay").body(Body::empty()).unwrap();
        let app = AssertUnwindSafe(routes().layer(hook(layer)).oneshot(request));
        assert!(app.catch_unwind().await.is_err());
        let events = events(&recorder).await;
        let [_policy, event] = events.as_slice() else { panic!("{events:#?}") };
        assert_eq!(event["outcome"], "failure");
        assert_eq!(event["error"]["kind"], "panic");
        assert_eq!(event["error"]["message"], "no host");
    }
}

#[tokio::test]
async fn ids_of_requests_are_made_as_told() {
    let made = AtomicU64::new(0);
    let make = move || made.fetch_add(1, Ordering::Relaxed).into();
    let layered = |layer: AuditLayer| routes().layer(layer.make_request_id(make));
    let (answer, event) = ask_at("127.0.0.1:0", layered, b"X-Request-Id: ?\r\n").await;
    assert!(answer.contains("x-request-id: 0\r\n"), "{answer}");
    assert_eq!(event["request"]["id"], "0");
}

#[tokio::test]
async fn an_id_that_is_made_and_is_no_text_is_left_out_and_that_is_said() {
    let recorder = recorder().start().await.unwrap();
    let layer = AuditLayer::new(recorder.clone());
    let app = routes().layer(layer.make_request_id(|| HeaderValue::from_bytes(b"\xff").unwrap()));
    let request = Request::post("/invoices/7/pay").body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap();
    let event = only_event(&recorder).await;
    assert!(event["request"]["id"].is_null());
    assert_eq!(event["truncated"], json!(["/request/id"]));
}

async fn outcome(answer: Response<Body>) -> Value {
    let recorder = recorder().start().await.unwrap();
    let by_header = |answer: &response::Parts| {
        answer.headers.contains_key("x-hidden").then_some(Outcome::Denied)
    };
    let answer = Arc::new(Mutex::new(Some(answer)));
    let handler = move || ready(answer.lock().unwrap().take().unwrap());
    let app = Router::new()
        .route("/", post(handler))
        .layer(AuditLayer::new(recorder.clone()).classify(by_header));
    let request = Request::post("/").body(Body::empty()).unwrap();
    let body = app.oneshot(request).await.unwrap().into_body();
    axum::body::to_bytes(body, 1_000).await.unwrap();
    only_event(&recorder).await
}

#[tokio::test]
async fn an_outcome_is_told_by_the_hook_or_by_the_status() {
    let hidden = |status: u16| Response::builder().status(status).header("x-hidden", "1");
    for (answer, told) in [
        (hidden(404), "denied"),
        (hidden(200), "denied"),
        (Response::builder().status(404), "failure"),
        (Response::builder().status(200), "success"),
    ] {
        assert_eq!(outcome(answer.body(Body::empty()).unwrap()).await["outcome"], told);
    }
}

/// A body of these frames, which may know how many bytes they are.
pub(crate) struct Frames(pub(crate) VecDeque<Frame<Bytes>>, pub(crate) SizeHint);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn size_hint(&self) -> SizeHint {
        self.1
    }
}

#[tokio::test]
async fn a_denial_that_only_the_hook_knows_is_recorded_though_nothing_was_to_be_changed() {
    let recorder = recorder().start().await.unwrap();
    let hidden = |answer: &response::Parts| (answer.status == 404).then_some(Outcome::Denied);
    let app = Router::<()>::new().fallback(|| ready(StatusCode::NOT_FOUND));
    let layered = AuditLayer::new(recorder.clone()).classify(hidden).layer(app);
    let request = Request::get("/secret").body(Body::empty()).unwrap();
    assert_eq!(layered.oneshot(request).await.unwrap().status(), 404);
    let event = only_event(&recorder).await;
    assert_eq!((&event["action"], &event["outcome"]), (&json!("http.request"), &json!("denied")));
}

#[tokio::test]
async fn every_hook_that_panics_leaves_an_entry() {
    let hooks: [fn(Router, AuditLayer) -> Router; 3] = [
        |app, layer| app.layer(layer.make_request_id(|| panic!("no ids"))),
        |app, layer| {
            let broken = |_: &response::Parts| -> Option<Outcome> { panic!("no outcome") };
            app.layer(layer.classify(broken))
        },
        |app, layer| {
            let broken = |_: &Parts| -> Ready<Option<Actor>> { panic!("nobody knows") };
            app.layer(IdentifyLayer::new(broken)).layer(layer)
        },
    ];
    for layered in hooks {
        let recorder = recorder().start().await.unwrap();
        let app = layered(routes(), AuditLayer::new(recorder.clone()));
        let request = Request::post("/invoices/7/pay").body(Body::empty()).unwrap();
        assert!(AssertUnwindSafe(app.oneshot(request)).catch_unwind().await.is_err());
        let event = only_event(&recorder).await;
        assert_eq!(
            (&event["outcome"], &event["error"]["kind"]),
            (&json!("failure"), &json!("panic"))
        );
    }
}

fn grpc(code: &str) -> HeaderMap {
    HeaderMap::from_iter([("grpc-status".parse().unwrap(), code.parse().unwrap())])
}

#[tokio::test]
async fn an_answer_of_grpc_says_in_its_trailers_how_it_went() {
    for (code, told) in [
        ("0", json!(["success", null, null])),
        ("1", json!(["cancelled", "cancelled", null])),
        ("5", json!(["failure", "not_found", null])),
        ("7", json!(["denied", "permission_denied", null])),
        ("13", json!(["failure", "internal", "error"])),
        ("16", json!(["denied", "unauthenticated", null])),
        ("99", json!(["failure", "unknown", "error"])),
    ] {
        let frames = [Frame::data("message".into()), Frame::trailers(grpc(code))];
        let body = Body::new(Frames(frames.into(), SizeHint::default()));
        let in_trailers = outcome(Response::new(body)).await;
        let mut answer = Response::new(Body::empty());
        answer.headers_mut().extend(grpc(code));
        let in_head = outcome(answer).await;
        for event in [in_trailers, in_head] {
            let said = json!([event["outcome"], event["error"]["code"], event["severity"]]);
            assert_eq!(said, told, "{code}");
            assert_eq!(event["request"]["status"], 200);
        }
    }
}

#[tokio::test]
async fn a_server_need_not_ask_for_what_is_behind_trailers_or_behind_all_bytes() {
    let of_grpc = "application/grpc+proto";
    for (code, kind, length, asks_for_trailers, told) in [
        ("0", of_grpc, None, true, "success"),
        ("7", of_grpc, None, true, "denied"),
        ("7", "application/grpc", Some(7), true, "denied"),
        ("0", of_grpc, Some(7), true, "success"),
        ("0", of_grpc, Some(7), false, "success"),
        ("0", of_grpc, None, false, "cancelled"),
        // Neither here nor there: a client takes that for a failure.
        ("", of_grpc, None, true, "failure"),
        ("", "text/plain", None, true, "success"),
        // There they are in the body, of which all is there.
        ("7", "application/grpc-web", Some(7), false, "success"),
    ] {
        let recorder = recorder().start().await.unwrap();
        let handler = move || {
            let trailers = if code.is_empty() { HeaderMap::new() } else { grpc(code) };
            let frames = [Frame::data("message".into()), Frame::trailers(trailers)];
            let length = length.map(SizeHint::with_exact).unwrap_or_default();
            let mut answer = Response::new(Body::new(Frames(frames.into(), length)));
            answer.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
            ready(answer)
        };
        let app = Router::new().route("/", post(handler)).layer(AuditLayer::new(recorder.clone()));
        let request = Request::post("/").body(Body::empty()).unwrap();
        let mut body = app.oneshot(request).await.unwrap().into_body();
        for _ in 0..if asks_for_trailers { 2 } else { 1 } {
            let frame = poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await;
            assert!(frame.is_some_and(|frame| frame.is_ok()));
        }
        drop(body);
        let event = only_event(&recorder).await;
        assert_eq!(event["outcome"], told, "{code} {kind} {length:?} {asks_for_trailers}");
    }
}

#[audited(action = "token.check")]
fn check() {}

#[tokio::test]
async fn what_is_recorded_while_a_context_is_made_and_somebody_identified_is_not_what_was_asked_for()
 {
    let recorder = recorder().start().await.unwrap();
    let by_token = |_: &Parts| {
        check();
        async {
            check();
            Some(Actor::user("u-17"))
        }
    };
    let app = Router::new()
        .route("/", post(|| ready(StatusCode::INTERNAL_SERVER_ERROR)))
        .layer(IdentifyLayer::new(by_token))
        .layer(AuditLayer::new(recorder.clone()).make_context(|_: &Parts, _: &_| check()));
    app.oneshot(Request::post("/").body(Body::empty()).unwrap()).await.unwrap();
    let events = events(&recorder).await;
    let told =
        |event: &Value| json!([event["action"], event["outcome"], event["request"]["status"]]);
    assert_eq!(
        events.iter().map(told).collect::<Vec<_>>(),
        [
            json!(["token.check", "success", null]),
            json!(["token.check", "success", null]),
            json!(["token.check", "success", null]),
            json!(["http.request", "failure", 500])
        ]
    );
}

/// An application that gives its requests to another one, as those do that go on when the client has left.
#[tokio::test]
async fn a_request_is_recorded_where_it_is_handled_though_it_was_another_layers() {
    let (outer, inner) = (recorder().start().await.unwrap(), recorder().start().await.unwrap());
    let inside = routes().layer(AuditLayer::new(inner.clone()));
    let apart = inside.clone();
    #[expect(clippy::disallowed_methods, reason = "as an application does it")]
    let elsewhere = move |request: Request| async move {
        tokio::spawn(apart.oneshot(request)).await.unwrap().unwrap()
    };
    let app = Router::new()
        .nest_service("/here", inside)
        .fallback(elsewhere)
        .layer(AuditLayer::new(outer.clone()));
    for path in ["/here/invoices/7/pay", "/invoices/7/pay"] {
        let request = Request::post(path).header("x-request-id", path).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200);
    }
    let (outer, inner) = (events(&outer).await, events(&inner).await);
    let told = |event: &Value| json!([event["action"], event["request"]["status"]]);
    assert_eq!(
        outer.iter().map(told).collect::<Vec<_>>(),
        [json!(["invoice.pay", 200]), json!(["http.request", 200])]
    );
    assert_eq!(inner.iter().map(told).collect::<Vec<_>>(), [json!(["invoice.pay", 200])]);
}

/// An authentication, as applications have it: who sends the right word is let in, with what is known of them.
async fn authenticate(mut request: Request, next: Next) -> Response<Body> {
    match request.headers().get(header::AUTHORIZATION) {
        Some(word) if word == "let me in" => {
            request.extensions_mut().insert(User("u-17"));
            next.run(request).await
        }
        _ => {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            answer
        }
    }
}

#[derive(Clone)]
struct User(&'static str);

#[tokio::test]
async fn who_acts_is_found_out_before_and_after_the_authentication() {
    let claimed = |head: &Parts| {
        let name = head.headers.get("x-user").map(|name| name.to_str().unwrap().to_owned());
        // As one that asks a database does.
        async move {
            tokio::task::yield_now().await;
            name.map(Actor::user)
        }
    };
    let proven = |head: &Parts| {
        let User(id) = *head.extensions.get::<User>().unwrap();
        let of = Actor::user("u-1").name("Alice");
        ready(Some(Actor::user(id).role("approver").credential("token", "t-9").on_behalf_of(of)))
    };
    let layered = |layer| {
        routes()
            .layer(IdentifyLayer::new(proven))
            .layer(from_fn(authenticate))
            .layer(IdentifyLayer::new(claimed))
            .layer(layer)
    };
    let lines = b"Authorization: let me in\r\nX-User: mallory\r\n";
    let (_, event) = ask_at("127.0.0.1:0", layered, lines).await;
    let actor = json!({
        "kind": "user", "id": "u-17", "roles": ["approver"], "credential": {"kind": "token", "id": "t-9"},
        "on_behalf_of": [{"kind": "user", "id": "u-1", "name": "Alice"}],
    });
    assert_eq!(event["actor"], actor);

    // Who is not let in is who they say they are, as far as anybody knows.
    let (_, event) = ask_at("127.0.0.1:0", layered, b"X-User: mallory\r\n").await;
    assert_eq!(event["actor"], json!({"kind": "user", "id": "mallory"}));
    assert_eq!((&event["action"], &event["outcome"]), (&json!("http.request"), &json!("denied")));
    let (_, event) = ask_at("127.0.0.1:0", layered, b"").await;
    assert!(event["actor"].is_null());
}

#[tokio::test]
async fn without_a_layer_around_it_nobody_is_identified() {
    let agent = |_: &Parts| ready(Some(Actor::new(ActorKind::Agent, "a-1")));
    let app = routes().layer(IdentifyLayer::new(agent));
    let request = Request::post("/invoices/7/pay").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn without_a_peer_no_header_is_believed() {
    let recorder = recorder().start().await.unwrap();
    let layer = AuditLayer::new(recorder.clone());
    let app = routes().layer(layer.trusted_proxies(["0.0.0.0/0".parse().unwrap()]));
    let request = Request::post("/invoices/7/pay").header("x-forwarded-for", "198.51.100.7");
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let events = events(&recorder).await;
    assert!(events[0]["request"]["ip"].is_null());
}
