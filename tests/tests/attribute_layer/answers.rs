//! What the status of an answer, and what the function says of itself, come to.

use audit_core::{audited, current};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post as on_post;
use serde_json::Value;

use crate::post;
use crate::support::{events, recorder};

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

#[audited(action = "door.open")]
async fn open(Path((said, code)): Path<(String, u16)>) -> StatusCode {
    match said.as_str() {
        "deny" => current().deny().reason("not in office hours"),
        "discard" => current().discard(),
        "both" => current().deny().discard(),
        _ => &current(),
    };
    status(code)
}

/// As most handlers are: what fails is an `Err`.
#[audited(action = "door.open")]
async fn fallible(
    Path((said, code)): Path<(String, u16)>,
) -> Result<StatusCode, (StatusCode, String)> {
    tokio::task::yield_now().await;
    match said.as_str() {
        "deny" => current().deny().reason("not in office hours"),
        "discard" => current().discard(),
        "both" => current().deny().discard(),
        _ => &current(),
    };
    match code {
        200 => Ok(status(code)),
        _ => Err((status(code), "it does not open".to_owned())),
    }
}

/// What the function says, the status of its answer, and the outcome; none where there is no entry.
const ANSWERS: [(&str, u16, Option<&str>); 20] = [
    ("nothing", 200, Some("success")),
    ("nothing", 400, Some("failure")),
    ("nothing", 401, Some("denied")),
    ("nothing", 403, Some("denied")),
    ("nothing", 404, Some("failure")),
    ("nothing", 500, Some("failure")),
    ("deny", 200, Some("denied")),
    ("deny", 400, Some("denied")),
    ("deny", 401, Some("denied")),
    ("deny", 403, Some("denied")),
    ("deny", 404, Some("denied")),
    // The client was told that something broke, whatever was meant.
    ("deny", 500, Some("failure")),
    ("discard", 200, None),
    ("discard", 400, Some("failure")),
    ("discard", 401, Some("denied")),
    ("discard", 403, Some("denied")),
    ("discard", 404, Some("failure")),
    ("discard", 500, Some("failure")),
    ("both", 200, Some("denied")),
    ("both", 404, Some("denied")),
];

async fn answers(routes: fn() -> Router) {
    let mut wrong = Vec::new();
    for (said, code, outcome) in ANSWERS {
        let recorder = recorder().start().await.unwrap();
        let response = post(routes(), &recorder, &format!("/door/{said}/{code}")).await;
        assert_eq!(response.status(), code);
        drop(response);
        let events = events(&recorder).await;
        let is_right = match (events.as_slice(), outcome) {
            ([], None) => true,
            ([event], Some(outcome)) => {
                event["action"] == "door.open"
                    && event["outcome"] == outcome
                    && event["request"]["status"] == code
                    && event["stage"] == "complete"
                    && event["duration_us"].is_u64()
                    && event["severity"] == if code == 500 { "error".into() } else { Value::Null }
                    && event["reason"].is_string() == (said == "deny")
            }
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{said}, {code}: not {outcome:?}: {events:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_status_and_what_the_function_says_give_the_outcome() {
    answers(|| Router::new().route("/door/{said}/{code}", on_post(open))).await;
}

#[tokio::test]
async fn an_error_and_what_the_function_says_give_the_outcome() {
    answers(|| Router::new().route("/door/{said}/{code}", on_post(fallible))).await;
}
