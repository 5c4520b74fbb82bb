//! An application that is served, for tests that kill it.
//!
//! `served <database> <capacity>` has three routes, each with another durability, and a queue of so many places. It says the
//! address at which it listens, and goes on until it is killed.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::Duration;

use audit_core::store::SqliteStore;
use audit_core::{Recorder, audited};
use audit_tower::{AuditLayer, Problem};
use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use tokio::net::TcpListener;

/// Short, so that nobody waits long to see that it is no more.
const HEARTBEAT: Duration = Duration::from_millis(200);

#[audited(action = "order.note", resource = "order", resource_id = id)]
async fn buffered(Path(id): Path<String>) -> String {
    id
}

#[audited(action = "order.place", resource = "order", resource_id = id, durability = durable)]
async fn durable(Path(id): Path<String>) -> Result<String, Problem> {
    Ok(id)
}

#[audited(action = "order.refund", resource = "order", resource_id = id, durability = strict)]
async fn strict(Path(id): Path<String>) -> Result<String, Problem> {
    Ok(id)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(database), Some(capacity)) = (arguments.next(), arguments.next()) else {
        return Err("usage: served <database> <capacity>".into());
    };
    let store = SqliteStore::open(&database).await?;
    let recorder = Recorder::builder(store).origin("test.example/audit");
    let recorder = recorder.queue_capacity(capacity.parse()?).heartbeat(HEARTBEAT);
    let recorder = recorder.start().await?;
    let app = Router::new()
        .route("/buffered/{id}", post(buffered))
        .route("/durable/{id}", post(durable))
        .route("/strict/{id}", post(strict))
        .layer(AuditLayer::new(recorder));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    axum::serve(listener, app).await?;
    Ok(())
}
