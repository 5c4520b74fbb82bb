//! Two handlers that are here to be watched in the log, and in no real service.

use std::time::Duration;

use audit_core::audited;

/// Takes three seconds. A client that hangs up before leaves an entry with the outcome `cancelled`.
#[audited(action = "demo.slow")]
pub(crate) async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(3)).await;
    "done\n"
}

/// Panics, which leaves an entry with the outcome `failure` and the panic's message.
#[audited(action = "demo.panic")]
pub(crate) async fn panic() {
    fail()
}

#[expect(clippy::panic, reason = "shows what becomes of a handler that panics")]
fn fail() {
    panic!("a panic for the demonstration")
}
