//! What was asked for, over a socket: headers, and a body as far as it was read.

use std::convert::Infallible;
use std::io::Write as _;

use audit_core::audited;
use audit_tower::{AuditLayer, Policy, SessionKey};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderName, Response, StatusCode};
use axum::routing::post;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer as _, ServiceExt as _};

use super::support::{events, recorder};

const POLICY: &str = r#"
[[rule]]
record = "request"
routes = ["/login", "/peek", "/unread"]
headers = ["content-type", "x-client", "x-visit", "authorization"]
body = 200
redact = ["code"]
"#;

#[audited(action = "user.login")]
async fn login(body: Bytes) -> String {
    body.len().to_string()
}

/// Reads no more than the first piece.
async fn peek(body: Request) {
    let _first = body.into_body().into_data_stream().next().await;
}

async fn unread() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The event of a request with these lines in its head and this body, of which there is one.
async fn ask(path: &str, lines: &str, body: &[u8]) -> Value {
    let recorder = recorder().start().await.unwrap();
    let layer = AuditLayer::new(recorder.clone()).policy(Policy::from_toml(POLICY).unwrap());
    let visit = HeaderName::from_static("x-visit");
    let layer = layer.session_header(visit, SessionKey::new(&[7; 32]));
    let app = Router::new()
        .route("/login", post(login))
        .route("/other", post(login))
        .route("/peek", post(peek))
        .route("/unread", post(unread))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let client = async {
        let mut head = Vec::new();
        write!(head, "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n")
            .unwrap();
        stream.write_all(&head).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
    };
    tokio::select! {
        () = client => {}
        ended = axum::serve(listener, app).into_future() => panic!("the server has ended: {ended:?}"),
    }
    let mut events = events(&recorder).await;
    assert_eq!(events.len(), 2, "{events:#?}");
    events.remove(1)
}

async fn sent(kind: &str, body: &str) -> Value {
    let lines = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    ask("/login", &lines, body.as_bytes()).await
}

/// The body that is kept, as a personal value.
fn kept(event: &Value) -> Value {
    let personal = event["personal"].as_array().unwrap();
    assert!(personal.contains(&json!("/metadata/request_body")), "{event:#}");
    let text = event["metadata"]["request_body"].as_str().unwrap();
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn json_and_forms_are_kept_without_their_secrets() {
    let event = sent("application/json", r#"{"user":"ann","password":"hunter2","code":1}"#).await;
    assert_eq!(kept(&event), json!({"user": "ann"}));
    assert_eq!(event["redacted"], json!(["/metadata/request_body"]));
    assert_eq!(
        (&event["action"], &event["request"]["status"]),
        (&json!("user.login"), &json!(200))
    );
    let event = sent("Application/JSON; charset=utf-8", r#"{"user":"ann"}"#).await;
    assert_eq!(kept(&event), json!({"user": "ann"}));
    assert!(event.get("redacted").is_none(), "{event:#}");
    let event = sent("application/x-www-form-urlencoded", "user=ann&token=s3cret").await;
    assert_eq!(kept(&event), json!({"user": "ann"}));
    assert_eq!(event["redacted"], json!(["/metadata/request_body"]));
}

#[tokio::test]
async fn what_cannot_be_kept_is_said_to_be_missing() {
    for (kind, body, why) in [
        (
            "application/json-patch+json",
            "[\"hunter2\"]".to_owned(),
            "it is neither JSON nor a form",
        ),
        // What a client sends in few bytes is not to take many.
        (
            "application/json",
            format!("[{}1e15]", "1e15,".repeat(20)),
            "it is longer than the policy allows",
        ),
        ("text/plain", "hunter2".to_owned(), "it is neither JSON nor a form"),
        ("application/json", "{\"password\": \"hunter2\"".to_owned(), "it cannot be read as JSON"),
        (
            "application/json",
            format!("[\"{}\"]", "x".repeat(197)),
            "it is longer than the policy allows",
        ),
    ] {
        let event = sent(kind, &body).await;
        assert_eq!(event["metadata"]["request_body_missing"], why, "{event:#}");
        assert!(!event.to_string().contains("hunter2"), "{event:#}");
    }
    let json = format!("[\"{}\"]", "x".repeat(196));
    assert_eq!(kept(&sent("application/json", &json).await)[0], "x".repeat(196));
}

#[tokio::test]
async fn a_body_in_chunks_is_kept_as_far_as_it_was_read() {
    let lines = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let chunks = b"4\r\n[\"a\"\r\n1\r\n]\r\n0\r\n\r\n";
    assert_eq!(kept(&ask("/login", lines, chunks).await), json!(["a"]));
    let event = ask("/unread", lines, chunks).await;
    assert_eq!(event["metadata"]["request_body_missing"], "it was not read to its end");
    let long = format!("4\r\n[\"a\"\r\nff\r\n{}\r\n1\r\n]\r\n0\r\n\r\n", " ".repeat(255));
    let event = ask("/login", lines, long.as_bytes()).await;
    assert_eq!(event["metadata"]["request_body_missing"], "it is longer than the policy allows");
    // Whether the rest had come already is the connection's business.
    let event = ask("/peek", lines, chunks).await;
    assert_eq!(event["metadata"]["request_body_missing"], "it was not read to its end");
}

#[tokio::test]
async fn a_request_without_a_body_or_under_no_such_rule_says_nothing_of_one() {
    let event = ask("/login", "X-Client: app\r\n", b"").await;
    assert!(event["metadata"].get("request_body").is_none(), "{event:#}");
    assert!(event["metadata"].get("request_body_missing").is_none(), "{event:#}");
    let event = ask("/other", "X-Client: app\r\nContent-Length: 2\r\n", b"{}").await;
    assert!(event.get("metadata").is_none(), "{event:#}");
}

#[tokio::test]
async fn headers_are_kept_as_personal_and_those_with_secrets_only_named() {
    let lines =
        "X-Client: one\r\nX-Client: two\r\nAuthorization: Bearer hunter2\r\nX-Other: no\r\n";
    let event = ask("/login", lines, b"").await;
    let headers = json!({"x-client": ["one", "two"], "authorization": null});
    assert_eq!(event["metadata"]["request_headers"], headers);
    assert_eq!(event["personal"], json!(["/metadata/request_headers"]));
    assert_eq!(event["redacted"], json!(["/metadata/request_headers"]));
    // It is known to be the session's, whatever its name.
    let event = ask("/login", "X-Visit: 4711\r\n", b"").await;
    assert_eq!(event["metadata"]["request_headers"], json!({"x-visit": null}));
    assert!(event["request"]["session"].is_string());
    for hidden in [
        "/reset?token=abc",
        "/reset?8f3a",
        "?token=abc",
        "https://ann:pw@shop.example",
        "eyJhbGciOi",
    ] {
        let event = ask("/login", &format!("X-Client: {hidden}\r\n"), b"").await;
        assert_eq!(event["metadata"]["request_headers"], json!({"x-client": null}), "{hidden}");
    }
    // 1,024 bytes of one, and 4,096 of all.
    for (lengths, kept) in [(vec![2_000], vec![1_024]), (vec![1_000; 5], vec![1_000; 4])] {
        let line = |length: &usize| format!("X-Client: {}\r\n", "c".repeat(*length));
        let event = ask("/login", &lengths.iter().map(line).collect::<String>(), b"").await;
        let told = match &event["metadata"]["request_headers"]["x-client"] {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        let told: Vec<_> = told.iter().map(|text| text.as_str().unwrap().len()).collect();
        assert_eq!((told, &event["metadata"]["request_headers_cut"]), (kept, &json!(true)));
    }
    let event = ask("/login", "X-Other: no\r\n", b"").await;
    assert!(event.get("metadata").is_none(), "{event:#}");
}

#[tokio::test]
async fn a_body_of_another_type_than_axums_is_said_to_be_missing() {
    let recorder = recorder().start().await.unwrap();
    let policy = "[[rule]]\nrecord = \"request\"\nheaders = [\"x-client\"]\nbody = 200";
    let layer = AuditLayer::new(recorder.clone()).policy(Policy::from_toml(policy).unwrap());
    let echo = async |request: axum::http::Request<String>| {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    };
    let service = layer.layer(tower::service_fn(echo));
    let request =
        axum::http::Request::post("/login").header("x-client", "a").body("{\"user\":1}".to_owned());
    let answer = service.oneshot(request.unwrap()).await.unwrap();
    drop(answer);
    let event = events(&recorder).await.remove(1);
    assert_eq!(event["metadata"]["request_headers"], json!({"x-client": "a"}), "{event:#}");
    assert_eq!(event["metadata"]["request_body_missing"], "its type is not axum's `Body`");
}
