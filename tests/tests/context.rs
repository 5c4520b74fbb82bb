//! What is recorded of a request, over a socket: who asks, from where, and what of that is believed.
#![cfg(test)]

#[path = "context/hooks.rs"]
mod hooks;
#[path = "context/http2.rs"]
mod http2;
#[path = "context/places.rs"]
mod places;
#[path = "context/servers.rs"]
mod servers;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::net::SocketAddr;

use audit_core::audited;
use audit_tower::AuditLayer;
use axum::Router;
use axum::routing::post;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use support::{only_event, recorder};

#[audited(action = "invoice.pay")]
async fn pay() {}

/// An application with one route.
fn routes() -> Router {
    Router::new().route("/invoices/{id}/pay", post(pay))
}

/// The answer to some lines of a request, and the event that it leaves.
async fn ask_at(
    address: &str,
    layered: impl FnOnce(AuditLayer) -> Router,
    lines: &[u8],
) -> (String, Value) {
    let head = b"POST /invoices/7/pay HTTP/1.1\r\nHost: shop.example\r\n";
    ask_all(address, layered, &[head, lines].concat()).await
}

/// The same for all lines of a request. The application is served by a socket of its own, on an address of this machine.
async fn ask_all(
    address: &str,
    layered: impl FnOnce(AuditLayer) -> Router,
    head: &[u8],
) -> (String, Value) {
    let recorder = recorder().start().await.unwrap();
    let routes = layered(AuditLayer::new(recorder.clone()));
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async {
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).await.unwrap();
    };
    let client = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(head).await.unwrap();
        stream.write_all(b"Connection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let answer = tokio::select! {
        answer = client => answer,
        () = serve => panic!("the server has ended"),
    };
    (answer, only_event(&recorder).await)
}

/// The event of a request with these lines in its head, to a layer that is told something.
async fn ask(told: impl FnOnce(AuditLayer) -> AuditLayer, lines: impl AsRef<[u8]>) -> Value {
    let layered = |layer| routes().layer(told(layer));
    ask_at("127.0.0.1:0", layered, lines.as_ref()).await.1
}
