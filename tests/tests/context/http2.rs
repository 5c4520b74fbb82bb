//! Answers over HTTP/2, in which a message may end with trailers, fall short of what was announced, or be given up alone.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;

use audit_core::audited;
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, Request, Response, header};
use axum::routing::post;
use futures::stream;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::hooks::Frames;
use crate::support::{only_event, recorder};

static PIECE: [u8; 1 << 16] = [0; 1 << 16];

#[audited(action = "demo.answer")]
async fn answer(Path(how): Path<String>) -> Response<Body> {
    let status = |code: &str| {
        HeaderMap::from_iter([("grpc-status".parse().unwrap(), code.parse().unwrap())])
    };
    let message = || Frame::data(Bytes::from_static(b"message"));
    let body = match &*how {
        "large" => {
            let pieces = (0..256).map(|_| Ok::<_, Infallible>(Bytes::from_static(&PIECE)));
            Body::from_stream(stream::iter(pieces))
        }
        "untold" => Body::new(Frames([message()].into(), SizeHint::new())),
        "whole" | "short" => Body::new(Frames([message(), message()].into(), SizeHint::new())),
        code => {
            Body::new(Frames([message(), Frame::trailers(status(code))].into(), SizeHint::new()))
        }
    };
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    match &*how {
        "large" => {}
        "whole" => _ = headers.insert(header::CONTENT_LENGTH, 14.into()),
        "short" => _ = headers.insert(header::CONTENT_LENGTH, 15.into()),
        _ => _ = headers.insert(header::CONTENT_TYPE, "application/grpc".parse().unwrap()),
    }
    answer
}

/// Reads an answer, to its end or for a piece; says whether it was there as it should be.
async fn read(answer: Response<Incoming>, is_patient: bool) -> bool {
    let mut body = answer.into_body();
    loop {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            Some(Ok(_)) if is_patient => {}
            frame => return frame.is_none_or(|frame| frame.is_ok()),
        }
    }
}

#[tokio::test]
async fn what_ends_a_message_of_http_2_tells_how_it_went() {
    for (how, is_patient, is_there, told) in [
        ("0", true, true, json!(["success", null])),
        ("7", true, true, json!(["denied", "grpc"])),
        ("untold", true, true, json!(["failure", "grpc"])),
        ("whole", true, true, json!(["success", null])),
        ("short", true, false, json!(["failure", "body"])),
        ("large", true, true, json!(["success", null])),
        ("large", false, true, json!(["cancelled", null])),
    ] {
        let recorder = recorder().start().await.unwrap();
        let app = Router::new().route("/{how}", post(answer));
        let app = app.layer(AuditLayer::new(recorder.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).await
        };
        let ask = async {
            let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
            let executor = TokioExecutor::new();
            let (mut client, connection) =
                hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
            let asked = async {
                let request = Request::post(format!("http://a.example/{how}"));
                let request = request.body(Body::empty()).unwrap();
                let answer = client.send_request(request).await.unwrap();
                assert_eq!(read(answer, is_patient).await, is_there, "{how}");
                // Where the client has left, the server hears of it while the connection goes on.
                only_event(&recorder).await
            };
            tokio::select! {
                event = asked => event,
                ended = connection => panic!("{how}: {ended:?}"),
            }
        };
        let event: Value = tokio::select! {
            event = ask => event,
            ended = serve => panic!("{how}: {ended:?}"),
        };
        assert_eq!(json!([event["outcome"], event["error"]["kind"]]), told, "{how}");
        assert_eq!(
            (&event["action"], &event["request"]["host"]),
            (&json!("demo.answer"), &json!("a.example"))
        );
        assert_eq!(event["request"]["status"], 200, "{how}");
    }
}
