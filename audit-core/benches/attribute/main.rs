//! Calls of one function, to be counted from outside: `cargo xtask bench attribute`.
//!
//! `attribute CASE COUNT` makes so many calls and ends at once: the queue has a place for each event, and as nothing
//! in between waits, the appender, which is on the same thread, has not run. With `drain` behind it, all events are
//! brought into a log in memory first.

mod subscriber;

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::hint::black_box;
use std::io;
use std::process::exit;
use std::time::Duration;

use audit_core::store::MemoryStore;
use audit_core::{AuditContext, Recorder, audited};
use subscriber::Discard;
use tracing::instrument;
use tracing::subscriber::set_global_default;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;

type Failure = Box<dyn Error + Send + Sync>;

async fn plain(id: u64) -> u64 {
    id
}

#[instrument(skip_all)]
async fn instrumented(id: u64) -> u64 {
    id
}

#[instrument(skip_all, fields(id = %id))]
async fn instrumented_with_id(id: u64) -> u64 {
    id
}

#[audited(action = "bench.nothing")]
async fn audited_without_id(id: u64) -> u64 {
    id
}

#[audited(action = "bench.nothing")]
fn audited_sync(id: u64) -> u64 {
    id
}

#[audited(action = "bench.nothing", resource = "thing", resource_id = id)]
async fn audited_with_id(id: u64) -> u64 {
    id
}

fn main() -> Result<(), Failure> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (case, count, drain) = match words.as_slice() {
        [case, count] => (*case, count.parse()?, false),
        [case, count, "drain"] => (*case, count.parse()?, true),
        _ => return told("this is counted from outside, by `cargo xtask bench attribute`"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let recorder = Recorder::builder(MemoryStore::new())
            .origin("bench.example/audit")
            .queue_capacity(usize::try_from(count)?.saturating_add(1))
            .start()
            .await?;
        AuditContext::system("bench").scope(&recorder, calls(case, count)).await?;
        if drain {
            recorder.shutdown(Duration::from_secs(600)).await?;
        }
        // What is in the queue is not taken down again: that is not the caller's side.
        exit(0)
    })
}

async fn calls(case: &str, count: u64) -> Result<(), Failure> {
    match case {
        "plain" => repeat(count, plain).await,
        "instrumented" => {
            set_global_default(Discard::default())?;
            repeat(count, instrumented).await;
        }
        "instrumented-id" => {
            set_global_default(Discard::default())?;
            repeat(count, instrumented_with_id).await;
        }
        "formatted-id" => {
            let lines = tracing_subscriber::fmt::layer().with_span_events(FmtSpan::CLOSE);
            set_global_default(tracing_subscriber::registry().with(lines.with_writer(io::sink)))?;
            repeat(count, instrumented_with_id).await;
        }
        "audited" => repeat(count, audited_without_id).await,
        "audited-sync" => repeat(count, async |id| audited_sync(id)).await,
        "audited-id" => repeat(count, audited_with_id).await,
        other => return told(format!("`{other}` is no case")),
    }
    Ok(())
}

async fn repeat<T>(count: u64, call: impl AsyncFn(u64) -> T) {
    for id in 0..count {
        black_box(call(black_box(id)).await);
    }
}

fn told(text: impl Display) -> Result<(), Failure> {
    Err(text.to_string().into())
}
