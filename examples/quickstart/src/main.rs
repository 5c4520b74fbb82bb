//! The smallest service with an audit log: one handler, two requests, and what the log says of them.

use std::error::Error;
use std::time::Duration;

use audit_core::store::MemoryStore;
use audit_core::{Query, Recorder, audited};
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use tower::ServiceExt as _;

#[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
async fn approve(Path(id): Path<u64>) -> Result<&'static str, StatusCode> {
    if id == 4711 { Ok("approved") } else { Err(StatusCode::NOT_FOUND) }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this is what the example is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    // `SqliteStore::open("audit.db").await?` keeps the log in a file.
    let store = MemoryStore::new();
    let recorder = Recorder::builder(store).origin("quickstart.example/audit").start().await?;
    let app = Router::new()
        .route("/invoices/{id}/approve", post(approve))
        .layer(AuditLayer::new(recorder.clone()));

    for id in [4711, 1] {
        let request = Request::post(format!("/invoices/{id}/approve")).body(Body::empty())?;
        app.clone().oneshot(request).await?;
    }

    // Events are on their way into the log until the recorder is shut down.
    recorder.shutdown(Duration::from_secs(10)).await?;
    for entry in recorder.reader().search(&Query::new().action("invoice.approve")).await?.entries {
        println!("{} {} {:#}", entry.log, entry.index, entry.event());
    }
    Ok(())
}
