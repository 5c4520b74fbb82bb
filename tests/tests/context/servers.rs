//! The layer around services of other kinds than axum's.

use std::convert::Infallible;
use std::net::SocketAddr;

use audit_core::{AuditContext, Recorder, audited};
use audit_tower::AuditLayer;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::get;
use axum::{Extension, Router};
use futures::stream;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower::util::{BoxCloneSyncService, BoxService};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::support::{events, only_event, recorder};

#[audited(action = "thing.refuse")]
async fn refuse<B>(_: Request<B>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new("no".to_owned());
    *response.status_mut() = StatusCode::FORBIDDEN;
    Ok(response)
}

#[tokio::test]
async fn a_service_of_hyper_has_its_entry() {
    let recorder = recorder().start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let layer = AuditLayer::new(recorder.clone());
    let serve = async {
        let (stream, peer) = listener.accept().await.unwrap();
        let with_peer = move |mut request: Request<Incoming>| {
            // What no server of its own does for us: the peer's address goes into the request.
            request.extensions_mut().insert::<SocketAddr>(peer);
            request
        };
        let service = layer.layer(service_fn(refuse::<Incoming>)).map_request(with_peer);
        let service = TowerToHyperService::new(service);
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.unwrap();
    };
    let ask = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let lines = b"DELETE /things/7 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        stream.write_all(lines).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("x-request-id"), "{answer}");
    };
    tokio::join!(serve, ask);
    let event = only_event(&recorder).await;
    assert_eq!((&event["action"], &event["outcome"]), (&json!("thing.refuse"), &json!("denied")));
    assert_eq!(event["request"]["ip"], "127.0.0.1");
    assert_eq!(event["request"]["host"], "a.example");
    // There is no router that could name a route.
    assert!(event["request"]["route"].is_null());
}

static PIECE: [u8; 1 << 16] = [0; 1 << 16];

/// More than sockets hold, and told before.
#[audited(action = "report.download")]
async fn download() -> Response<Body> {
    let pieces = (0..256).map(|_| Ok::<_, Infallible>(Bytes::from_static(&PIECE)));
    let mut answer = Response::new(Body::from_stream(stream::iter(pieces)));
    answer.headers_mut().insert(header::CONTENT_LENGTH, (256 * PIECE.len()).into());
    answer
}

#[tokio::test]
async fn who_leaves_in_a_download_has_not_got_it() {
    for (is_patient, told) in [(true, "success"), (false, "cancelled")] {
        let recorder = recorder().start().await.unwrap();
        let app = Router::new().route("/", get(download)).layer(AuditLayer::new(recorder.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            if is_patient {
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                assert!(answer.len() > 256 * PIECE.len());
            } else {
                stream.read_exact(&mut [0; 1_000]).await.unwrap();
            }
            drop(stream);
            only_event(&recorder).await
        };
        let event = tokio::select! {
            event = client => event,
            ended = axum::serve(listener, app).into_future() => panic!("{ended:?}"),
        };
        let told = (&json!(told), &json!(200));
        assert_eq!((&event["outcome"], &event["request"]["status"]), told);
    }
}

#[audited(action = "line.hear")]
async fn hear(line: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut heard = Vec::new();
    line.read_to_end(&mut heard).await.unwrap();
    heard
}

#[audited(action = "line.open")]
async fn open(
    Extension(context): Extension<AuditContext>,
    State((recorder, heard)): State<(Recorder, mpsc::Sender<Vec<u8>>)>,
    request: Request<Body>,
) -> Response<Body> {
    #[expect(clippy::disallowed_methods, reason = "as libraries for sockets do it")]
    tokio::spawn(async move {
        let mut line = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        heard.send(context.scope(&recorder, hear(&mut line)).await).await.unwrap();
    });
    let upgrade = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    let upgrade = upgrade.header(header::CONNECTION, "upgrade").header(header::UPGRADE, "line");
    upgrade.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn an_upgrade_is_over_with_its_handshake_and_what_follows_has_its_context() {
    let recorder = recorder().start().await.unwrap();
    let (sender, mut heard) = mpsc::channel(1);
    let app = Router::new().route("/", get(open)).layer(AuditLayer::new(recorder.clone()));
    let app = app.with_state((recorder.clone(), sender));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let lines = b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-1\r\nConnection: upgrade\r\nUpgrade: line\r\n\r\nhello";
        stream.write_all(lines).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(heard.recv().await.unwrap(), b"hello");
        events(&recorder).await
    };
    let events = tokio::select! {
        events = client => events,
        ended = axum::serve(listener, app).into_future() => panic!("{ended:?}"),
    };
    let told = |event: &Value| {
        json!([
            event["action"],
            event["request"]["id"],
            event["request"]["status"],
            event["outcome"]
        ])
    };
    assert_eq!(
        events.iter().map(told).collect::<Vec<_>>(),
        [json!(["line.open", "r-1", 101, "success"]), json!(["line.hear", "r-1", null, "success"])]
    );
}

async fn ask_of<S>(recorder: &Recorder, services: impl IntoIterator<Item = S>, count: usize)
where
    S: Service<Request<Body>, Error = Infallible>,
{
    for mut service in services {
        let request = Request::post("/").body(Body::empty()).unwrap();
        assert!(service.ready().await.unwrap().call(request).await.is_ok());
    }
    assert_eq!(events(recorder).await.len(), count);
}

#[tokio::test]
async fn a_service_that_is_boxed_or_cloned_has_an_entry_for_each_request() {
    let started = || async {
        let recorder = recorder().start().await.unwrap();
        (AuditLayer::new(recorder.clone()).layer(service_fn(refuse::<Body>)), recorder)
    };
    let (service, recorder) = started().await;
    ask_of(&recorder, [service.clone(), service.clone(), service], 3).await;
    let (service, recorder) = started().await;
    let boxed = BoxCloneSyncService::new(service);
    ask_of(&recorder, [boxed.clone(), boxed], 2).await;
    let (service, recorder) = started().await;
    ask_of(&recorder, [BoxService::new(service)], 1).await;
}
