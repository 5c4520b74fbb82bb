//! Requests to one route, to be counted from outside: `cargo xtask bench request`.
//!
//! `request CASE COUNT` answers so many requests in this process, without a socket, prints how many nanoseconds each took,
//! and ends at once. After each [`ROUND`] of them time stands still until the queue is empty: a server takes its memory from
//! events that are written, and not always new from the kernel. Within a round nothing waits, so the appender, which is on
//! the same thread, does not run.

mod least;

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::exit;
use std::time::Duration;

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::store::SqliteStore;
use audit_core::{Event, Recorder, audited};
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

/// More than are counted under valgrind, so that no appending is counted.
const ROUND: usize = 4_000;

fn main() -> Result<(), Failure> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let [case, count] = arguments.as_slice() else {
        return Err("this is counted from outside, by `cargo xtask bench request`".into());
    };
    let count: u32 = count.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("log.db");
        let store = SqliteStore::open(file.to_str().ok_or("the folder's name is no text")?).await?;
        let recorder = Recorder::builder(store).origin("bench.example/audit");
        let recorder = recorder.queue_bytes(usize::MAX).start().await?;
        let layer = AuditLayer::new(recorder.clone());
        let (queue, mut queued) = mpsc::channel(ROUND);
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
        let mut router = router.with_state(());
        let mut all = Duration::ZERO;
        for round in (0..count).collect::<Vec<_>>().chunks(ROUND) {
            if round.first() != Some(&0) {
                // It is behind all others.
                recorder.record_durable(Event::builder("round.end")).await?;
                while queued.try_recv().is_ok() {}
            }
            all += answer(&mut router, round).await?;
        }
        writeln!(io::stdout(), "{} ns", all.as_nanos() / u128::from(count.max(1)))?;
        drop(folder);
        // What is in the queue is not taken down again: that is no request's part.
        exit(0)
    })
}

/// Answers requests, and tells how long it took.
async fn answer(router: &mut Router, ids: &[u32]) -> Result<Duration, Failure> {
    let clock = SystemClock::default();
    let begun = clock.elapsed();
    for id in ids {
        black_box(router.call(black_box(request(*id)?)).await?);
    }
    Ok(clock.elapsed().saturating_sub(begun))
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
