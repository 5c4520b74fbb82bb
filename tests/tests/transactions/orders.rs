//! The business: orders, and what the log says of them.

use audit_core::{Event, EventBuilder};
use serde_json::Value;

use super::database::{Connection, Database, execute, numbers};
use crate::log::text;

/// Puts an order into the application's own table.
pub(super) async fn put(connection: &mut Connection, id: i64) -> Result<(), sqlx::Error> {
    execute(connection, &format!("INSERT INTO orders (id) VALUES ({id})")).await.map(drop)
}

/// The event of an order that was placed.
pub(super) fn placed(id: i64) -> EventBuilder {
    Event::builder("order.place").resource("order", id.to_string())
}

/// The orders that stand in the table.
pub(super) async fn all(database: &Database) -> Vec<i64> {
    numbers(&mut database.connect().await, "SELECT id FROM orders ORDER BY id").await
}

/// Of each event, which order it is about, and how it ended; it says nothing of the latter if the caller did not.
pub(super) fn told(events: &[Value]) -> Vec<(i64, &str)> {
    let told = |event| (text(event, "/resource/id").parse().unwrap(), text(event, "/outcome"));
    events.iter().map(told).collect()
}
