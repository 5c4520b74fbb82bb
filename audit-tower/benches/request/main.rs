//! Requests to one route, to be counted from outside: `cargo xtask bench request`.
//!
//! `request CASE COUNT` answers so many requests in this process, without a socket, prints how many nanoseconds each took,
//! and ends at once: the queue has a place for each event, and as nothing in between waits, the appender, which is on
//! the same thread, has not run.

mod least;

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::exit;

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::store::MemoryStore;
use audit_core::{Recorder, audited};
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path};
use axum::http::{Request, header};
use axum::routing::post;
use tokio::sync::mpsc;
use tower::Service as _;
use tower::layer::util::Identity;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::{DefaultMakeSpan, TraceLayer};
use tracing::{Level, info, instrument};

use least::Least;

type Failure = Box<dyn Error + Send + Sync>;

async fn plain(Path(id): Path<u64>) {
    black_box(id);
}

#[audited(action = "invoice.pay", resource = "invoice", resource_id = id)]
async fn recorded(Path(id): Path<u64>) {
    black_box(id);
}

#[instrument(skip_all, fields(id = %id))]
async fn told(Path(id): Path<u64>) {
    info!(action = "invoice.pay", resource = "invoice", resource_id = id, outcome = "success");
}

const ROUTE: &str = "/invoices/{id}/pay";

fn main() -> Result<(), Failure> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let [case, count] = arguments.as_slice() else {
        return Err("this is counted from outside, by `cargo xtask bench request`".into());
    };
    let count: u32 = count.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let capacity = usize::try_from(count)?.saturating_add(1);
        let recorder = Recorder::builder(MemoryStore::new()).origin("bench.example/audit");
        let recorder = recorder.queue_capacity(capacity).queue_bytes(usize::MAX);
        let recorder = recorder.start().await?;
        let layer = AuditLayer::new(recorder);
        let (queue, _queued) = mpsc::channel(capacity);
        // Its thread writes for as long as this is there.
        let (lines, _writing) = tracing_appender::non_blocking(io::sink());
        let bare = Router::new().route(ROUTE, post(plain));
        let router = match case.as_str() {
            "bare" => bare,
            "idle" => bare.layer(Identity::new()),
            "ids" => bare
                .layer(PropagateRequestIdLayer::x_request_id())
                .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid)),
            "traced" => {
                tracing_subscriber::fmt().json().with_writer(lines).init();
                // Otherwise its spans are of a level that this subscriber does not want.
                let span = DefaultMakeSpan::new().level(Level::INFO);
                let traced = TraceLayer::new_for_http().make_span_with(span);
                Router::new().route(ROUTE, post(told)).layer(traced)
            }
            "least" => bare.layer(Least(queue)),
            "layer" => bare.layer(layer),
            "audited" => Router::new().route(ROUTE, post(recorded)).layer(layer),
            other => return Err(format!("`{other}` is no case").into()),
        };
        // As a server does, once: otherwise each request would turn handlers and layers into services.
        let each = answer(router.with_state(()), count).await?;
        writeln!(io::stdout(), "{each} ns")?;
        // What is in the queue is not taken down again: that is no request's part.
        exit(0)
    })
}

/// Answers so many requests, and gives the nanoseconds of one.
async fn answer(mut router: Router, count: u32) -> Result<u128, Failure> {
    let clock = SystemClock::default();
    let begun = clock.elapsed();
    for id in 0..count {
        black_box(router.call(black_box(request(id)?)).await?);
    }
    let all = clock.elapsed().saturating_sub(begun);
    Ok(all.as_nanos().checked_div(count.into()).unwrap_or_default())
}

/// A request as a browser behind no proxy sends it. Its making is in each case.
fn request(id: u32) -> Result<Request<Body>, Failure> {
    let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 50_000)));
    let request = Request::post(format!("/invoices/{id}/pay"))
        .header(header::HOST, "shop.example")
        .header(
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        )
        .header(header::ACCEPT, "application/json")
        .header(header::ACCEPT_LANGUAGE, "en-GB,en;q=0.5")
        .header(header::CONTENT_LENGTH, "0")
        .extension(peer)
        .body(Body::empty())?;
    Ok(request)
}
