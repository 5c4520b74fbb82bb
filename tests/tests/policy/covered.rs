//! Routes that say what is recorded of them, and a layer that holds them to it.

use audit_core::store::SqliteStore;
use audit_core::{Recorder, audited, current};
use audit_tower::{AuditLayer, Declared, Policy, Routes, assert_covered, coverage};
use axum::http::{Method, StatusCode};
use axum::{Extension, Router};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::support::{events, recorder};
use super::{request, told};

#[audited(action = "invoice.read")]
async fn read() {}

#[audited(action = "invoice.create")]
async fn create() -> Result<(), StatusCode> {
    Err(StatusCode::UNPROCESSABLE_ENTITY)
}

async fn silent() {}

fn routes() -> Routes {
    let invoices = Routes::new()
        .get("/", silent, Declared::Audited("invoice.list"))
        .post("/", create, Declared::Audited("invoice.create"))
        .get("/{id}", read, Declared::Audited("invoice.read"))
        .delete("/{id}", silent, Declared::ByPolicy);
    Routes::new().nest("/invoices", invoices).merge(Routes::new().get(
        "/health",
        silent,
        Declared::Exempt("says only that it runs"),
    ))
}

#[tokio::test]
async fn patterns_are_those_that_the_router_matches() {
    let patterns: Vec<_> =
        routes().list().iter().map(|route| format!("{} {}", route.method, route.pattern)).collect();
    assert_eq!(
        patterns,
        [
            "GET /invoices",
            "POST /invoices",
            "GET /invoices/{id}",
            "DELETE /invoices/{id}",
            "GET /health"
        ]
    );
    let routes = routes();
    let layer = AuditLayer::new(recorder().start().await.unwrap()).routes(routes.list().to_vec());
    let app = routes.into_router().layer(layer.clone());
    for (method, path) in [
        (Method::GET, "/invoices/7"),
        (Method::HEAD, "/health"),
        (Method::DELETE, "/invoices/7"),
        (Method::POST, "/invoices"),
        (Method::GET, "/nowhere"),
    ] {
        request(&app, method, path).await;
    }
    assert_covered!(layer.coverage());
    assert_eq!(
        layer.coverage().unproven(),
        ["GET /invoices: `invoice.list`", "POST /invoices: `invoice.create`"]
    );
}

#[tokio::test]
async fn a_promise_that_a_request_breaks_is_recorded_and_told() {
    let recorder = recorder().start().await.unwrap();
    let routes = routes();
    let layer = AuditLayer::new(recorder.clone()).routes(routes.list().to_vec());
    let undeclared = Router::new().route("/undeclared", axum::routing::get(silent));
    let app = routes.into_router().merge(undeclared).layer(layer.clone());
    request(&app, Method::GET, "/health").await;
    request(&app, Method::GET, "/invoices").await;
    request(&app, Method::GET, "/undeclared").await;
    let uncovered = layer.coverage().uncovered();
    assert_eq!(uncovered.len(), 2, "{uncovered:#?}");
    assert!(uncovered[0].starts_with("GET /invoices: it was answered, and no audited function"));
    assert!(uncovered[1].starts_with("GET /undeclared: it was answered, and is not declared"));

    let events = events(&recorder).await;
    assert_eq!(
        told(&events),
        ["http.request /invoices success", "http.request /undeclared success"]
    );
    assert!(events[0]["metadata"]["coverage"].as_str().unwrap().contains("`invoice.list`"));
}

#[tokio::test]
#[should_panic(expected = "GET /salaries")]
async fn a_route_that_nobody_thought_of_fails_the_test() {
    let routes = routes().get("/salaries", silent, Declared::ByPolicy);
    assert_covered!(coverage(routes.list(), &Policy::default()));
}

#[audited(action = "invoice.refund")]
async fn refund(Extension(file): Extension<SqliteConnectOptions>) {
    let mut connection = file.connect().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    current().record_in(&mut transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_written_in_a_transaction_proves_its_own_action_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    let store = SqliteStore::open(file.to_str().unwrap()).await.unwrap();
    let recorder = Recorder::builder(store).origin("test.example/audit").start().await.unwrap();
    let routes = Routes::new().post("/refund", refund, Declared::Audited("invoice.refund")).post(
        "/pay",
        refund,
        Declared::Audited("invoice.pay"),
    );
    let layer = AuditLayer::new(recorder.clone()).routes(routes.list().to_vec());
    let file = SqliteConnectOptions::new().filename(&file);
    let app = routes.into_router().layer(layer.clone()).layer(Extension(file));
    for path in ["/refund", "/pay"] {
        assert_eq!(request(&app, Method::POST, path).await, 200);
    }
    assert_eq!(layer.coverage().unproven(), ["POST /pay: `invoice.pay`"]);
    recorder.shutdown(std::time::Duration::from_secs(10)).await.unwrap();
}

#[audited(action = "socket.open")]
async fn opened() {
    std::future::pending().await
}

#[tokio::test]
async fn a_connection_that_becomes_another_is_held_to_its_promise_and_what_had_ended_is_no_proof() {
    let switching = async || StatusCode::SWITCHING_PROTOCOLS;
    let dropped = async || {
        let mut call = std::pin::pin!(opened());
        // Begun and given up: it leaves an event of its own, and the answer says nothing of it.
        std::future::poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    };
    let routes = Routes::new().get("/silent", switching, Declared::Audited("socket.open")).get(
        "/dropped",
        dropped,
        Declared::Audited("socket.open"),
    );
    let layer = AuditLayer::new(recorder().start().await.unwrap()).routes(routes.list().to_vec());
    let app = routes.into_router().layer(layer.clone());
    request(&app, Method::GET, "/silent").await;
    request(&app, Method::GET, "/dropped").await;
    let uncovered = layer.coverage().uncovered();
    assert_eq!(uncovered.len(), 1, "{uncovered:#?}");
    assert_eq!(layer.coverage().unproven(), ["GET /dropped: `socket.open`"]);
    assert!(uncovered[0].starts_with("GET /silent: it was answered, and no audited function"));
}

#[tokio::test]
async fn a_redirection_proves_what_was_recorded_and_what_was_discarded_proves_nothing() {
    #[audited(action = "form.sent")]
    async fn sent() -> StatusCode {
        StatusCode::SEE_OTHER
    }
    #[audited(action = "form.read")]
    async fn discarded() {
        current().discard();
    }
    let to_login = async || StatusCode::SEE_OTHER;
    let routes = Routes::new()
        .post("/sent", sent, Declared::Audited("form.sent"))
        .get("/read", discarded, Declared::Audited("form.read"))
        .get("/away", to_login, Declared::Audited("form.away"));
    let layer = AuditLayer::new(recorder().start().await.unwrap()).routes(routes.list().to_vec());
    let app = routes.into_router().layer(layer.clone());
    for (method, path) in [(Method::POST, "/sent"), (Method::GET, "/read"), (Method::GET, "/away")]
    {
        request(&app, method, path).await;
    }
    assert_covered!(layer.coverage());
    assert_eq!(layer.coverage().unproven(), ["GET /read: `form.read`", "GET /away: `form.away`"]);
}
