//! A server that is loaded from outside: `cargo xtask bench load`.
//!
//! `load CASE FOLDER` serves one route, on a port that it prints, until its standard input ends. Then it prints how many
//! requests it has answered, how many entries its log has, and the most memory that it has had, in KiB.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path as Folder;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_core::store::{LogId, SqliteStore, Store as _};
use audit_core::{Recorder, audited};
use audit_tower::{AuditLayer, Problem};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tower_http::trace::{DefaultMakeSpan, TraceLayer};
use tracing::{Level, info, instrument};
use tracing_appender::non_blocking::NonBlockingBuilder;

type Failure = Box<dyn Error + Send + Sync>;

const ORIGIN: &str = "bench.example/audit";
const ROUTE: &str = "/invoices/{id}";

static ANSWERED: AtomicU64 = AtomicU64::new(0);

/// What all applications do.
fn invoice(id: u64) -> String {
    ANSWERED.fetch_add(1, Ordering::Relaxed);
    format!("{{\"id\":{id},\"state\":\"open\"}}")
}

async fn plain(Path(id): Path<u64>) -> String {
    invoice(id)
}

#[instrument(skip_all, fields(id = %id))]
async fn told(Path(id): Path<u64>) -> String {
    info!(action = "invoice.read", resource = "invoice", resource_id = id, outcome = "success");
    invoice(id)
}

#[audited(action = "invoice.read", resource = "invoice", resource_id = id)]
async fn recorded(Path(id): Path<u64>) -> String {
    invoice(id)
}

#[audited(action = "invoice.read", resource = "invoice", resource_id = id, durability = durable)]
async fn awaited(Path(id): Path<u64>) -> Result<String, Problem> {
    Ok(invoice(id))
}

/// An audit table as it is written by hand: a row, committed alone.
async fn inserted(State(pool): State<SqlitePool>, Path(id): Path<u64>) -> Result<String, String> {
    let entry = format!(
        "{{\"action\":\"invoice.read\",\"resource\":{{\"id\":\"{id}\",\"type\":\"invoice\"}},\"outcome\":\"success\",\
         \"request\":{{\"method\":\"GET\",\"route\":\"{ROUTE}\",\"status\":200}}}}"
    );
    let insert =
        sqlx::query("INSERT INTO entry (action, actor, entry) VALUES ('invoice.read', 'u-17', ?)");
    insert.bind(entry).execute(&pool).await.map_err(|error| error.to_string())?;
    Ok(invoice(id))
}

async fn table(folder: &Folder) -> Result<SqlitePool, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("table.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    let make = "CREATE TABLE entry (id INTEGER PRIMARY KEY, action TEXT NOT NULL, actor TEXT NOT NULL, entry TEXT NOT NULL)";
    sqlx::raw_sql(make).execute(&pool).await?;
    Ok(pool)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let [case, folder] = arguments.as_slice() else {
        return Err("this is loaded from outside, by `cargo xtask bench load`".into());
    };
    let folder = Folder::new(folder);
    let path = folder.join("log.db");
    let store = SqliteStore::open(path.to_str().ok_or("the folder's name is no text")?).await?;
    let recorder = Recorder::builder(store.clone()).origin(ORIGIN).start().await?;
    let layer = AuditLayer::new(recorder.clone());
    // Its thread writes for as long as this is there.
    let lines = fs::File::create(folder.join("lines.json"))?;
    let (lines, _writing) = NonBlockingBuilder::default().lossy(false).finish(lines);
    let app = match case.as_str() {
        "bare" => Router::new().route(ROUTE, get(plain)),
        "traced" => {
            tracing_subscriber::fmt().json().with_writer(lines).init();
            // Otherwise its spans are of a level that this subscriber does not want.
            let span = DefaultMakeSpan::new().level(Level::INFO);
            let traced = TraceLayer::new_for_http().make_span_with(span);
            Router::new().route(ROUTE, get(told)).layer(traced)
        }
        "audited" => Router::new().route(ROUTE, get(recorded)).layer(layer),
        "durable" => Router::new().route(ROUTE, get(awaited)).layer(layer),
        "single" => Router::new().route(ROUTE, get(inserted)).with_state(table(folder).await?),
        other => return Err(format!("`{other}` is no case").into()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "port {}", listener.local_addr()?.port())?;
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let told_to_stop = async {
        let _end = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    axum::serve(listener, service).with_graceful_shutdown(told_to_stop).await?;
    recorder.shutdown(Duration::from_secs(60)).await?;
    let log = LogId::of(&format!("{ORIGIN}/standard"));
    let recorded = store.head(log).await?.frontier.size();
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.split_whitespace().next()).unwrap_or("0");
    let answered = ANSWERED.load(Ordering::Relaxed);
    writeln!(io::stdout(), "answered {answered}\nrecorded {recorded}\npeak {peak}")?;
    Ok(())
}
