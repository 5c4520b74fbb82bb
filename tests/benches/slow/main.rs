//! What a request feels of a store that is slow: `cargo xtask bench slow`.
//!
//! `slow MILLISECONDS FOLDER` answers requests in this process, without a socket, 2,000 in each second, each recorded
//! (buffered) by a layer and an audited handler. Each append to the log's SQLite file begins with a pause of so many
//! milliseconds. It prints within which time half of the requests were answered, and 99 of 100, in microseconds, how many
//! events an append had on the average, and how many events were recorded and lost.

#[path = "../../tests/support/around.rs"]
mod around;
mod paused;

use std::env;
use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path as Folder;
use std::time::Duration;

use around::Around;
use audit_core::clock::{Clock as _, SystemClock};
use audit_core::store::SqliteStore;
use audit_core::{Recorder, audited};
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::Request;
use axum::routing::post;
use paused::Paused;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tower::ServiceExt as _;

type Failure = Box<dyn Error + Send + Sync>;

/// Requests that are sent at once, in each millisecond, and milliseconds.
const AT_ONCE: u64 = 2;
const TICKS: u64 = 10_000;

/// Milliseconds from the beginning that are not counted: the log's tables are small, and nothing is warm.
const WARMING: u64 = 1_000;

#[audited(action = "invoice.pay", resource = "invoice", resource_id = id)]
async fn pay(Path(id): Path<u64>) -> String {
    id.to_string()
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let [pause, folder] = arguments.as_slice() else {
        return Err("this is run by `cargo xtask bench slow`".into());
    };
    let path = Folder::new(folder).join("log.db");
    let store = SqliteStore::open(path.to_str().ok_or("the folder's name is no text")?).await?;
    let store = Paused::new(store, Duration::from_millis(pause.parse()?));
    let recorder =
        Recorder::builder(Around(store.clone())).origin("bench.example/audit").start().await?;
    let app = Router::new().route("/invoices/{id}/pay", post(pay));
    let app = app.layer(AuditLayer::new(recorder.clone()));

    let clock = SystemClock::new();
    let mut times = Vec::new();
    let mut note = |(is_good, took): (bool, Option<Duration>)| {
        times.extend(took);
        if is_good { Ok(()) } else { Err("a request was not answered well") }
    };
    let mut requests = JoinSet::new();
    let mut ticks = interval(Duration::from_millis(1));
    // A machine that was busy catches up: all requests are sent.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for tick in 0..TICKS {
        ticks.tick().await;
        for _ in 0..AT_ONCE {
            let (app, is_counted) = (app.clone(), tick >= WARMING);
            let request = Request::post(format!("/invoices/{tick}/pay")).body(Body::empty())?;
            requests.spawn(async move {
                let begun = clock.elapsed();
                let answer = app.oneshot(request).await;
                let took = clock.elapsed().saturating_sub(begun);
                let is_good = answer.is_ok_and(|answer| answer.status().is_success());
                (is_good, is_counted.then_some(took))
            });
        }
        while let Some(done) = requests.try_join_next() {
            note(done?)?;
        }
    }
    while let Some(done) = requests.join_next().await {
        note(done?)?;
    }
    recorder.shutdown(Duration::from_secs(60)).await?;
    times.sort_unstable();
    let within = |percent: usize| {
        let time = times.get(times.len().saturating_mul(percent) / 100);
        time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    };
    let health = recorder.health();
    writeln!(
        io::stdout(),
        "half {:.1}\nslow {:.1}\nbatch {:.1}\nrecorded {}\nlost {}",
        within(50),
        within(99),
        store.batch(),
        health.appended,
        health.lost
    )?;
    Ok(())
}
