//! How fast entries come into a log.

use std::num::NonZero;
use std::time::{Duration, Instant};

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::merkle::leaf_hash;
use audit_core::store::{LogId, Store};
use audit_core::{EventBuilder, Recorder};
use tokio::task::JoinSet;

use crate::Failure;
use crate::database::Database;
use crate::events::Events;
use crate::table::{line, median, number, rate, text};

/// Events of one append.
const BATCH: usize = 1_000;

/// Batches that are appended before the other side has its turn.
const SLICE: usize = 5;

/// Turns of each side.
const TURNS: usize = 24;

/// What a batch took.
#[derive(Default)]
struct Took {
    /// From closed events to leaves. Who waits for a durable event does this himself.
    encoding: Duration,
    /// Hashing, the lock on the head, insert, tiles, head, commit.
    append: Duration,
}

/// Appends a batch.
async fn append(
    store: &impl Store,
    log: LogId,
    events: &mut Events,
    took: &mut Took,
) -> Result<(), Failure> {
    let built = events.built(BATCH)?;
    let begun = Instant::now();
    let mut leaves = events.encoded(&built);
    took.encoding += begun.elapsed();
    let begun = Instant::now();
    for leaf in &mut leaves {
        leaf.hash = leaf_hash(leaf.event.canon.as_bytes());
    }
    store.append(log, &leaves, SystemClock::new().now()).await?;
    took.append += begun.elapsed();
    Ok(())
}

/// `Store::append` in turns with the insert of the same rows and nothing else.
pub(crate) async fn against_floor<D: Database>(home: &D::Home) -> Result<(), Failure> {
    let database = D::make(home).await?;
    database.make_floor().await?;
    let mut connection = database.connect().await?;
    let log = database.store().open_log("bench/append", "standard").await?;
    let mut events = Events::new();
    let (mut rates, mut encoded, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let (mut took, mut floor) = (Took::default(), Duration::ZERO);
        for _ in 0..SLICE {
            append(database.store(), log, &mut events, &mut took).await?;
        }
        for batch in 0..SLICE {
            let rows = database.rows(log, (turn * SLICE + batch) * BATCH, BATCH).await?;
            let begun = Instant::now();
            D::insert(&mut connection, rows).await?;
            floor += begun.elapsed();
        }
        rates.push(rate(SLICE * BATCH, took.append));
        encoded.push(rate(SLICE * BATCH, took.append + took.encoding));
        floors.push(rate(SLICE * BATCH, floor));
    }
    for (what, rates, aim) in
        [("append of 1,000", rates, ">= 0.90"), ("the same with encoding", encoded, "-")]
    {
        let ratio = median(rates.iter().zip(&floors).map(|(rate, floor)| rate / floor));
        let what = format!("{}: {what}; floor: same rows alone", D::NAME);
        line(&what, median(rates), Some(median(floors.iter().copied())), Some(ratio), aim);
    }
    drop(connection);
    database.remove().await
}

/// A recorder with many tasks, in turns with inserts and commits of single rows.
pub(crate) async fn recorder<D: Database>(home: &D::Home) -> Result<(), Failure> {
    const TASKS: usize = 1_000;
    const TURNS: usize = 5;
    for &writers in D::WRITERS {
        let database = D::make(home).await?;
        database.make_floor().await?;
        let log = LogId::of("bench/recorder/standard");
        let recorder = Recorder::builder(database.store().clone())
            .origin("bench/recorder")
            .queue_wait(Duration::from_secs(60))
            .deadline(Duration::from_secs(60))
            .start()
            .await?;
        let mut events = Events::new();
        let (mut durable, mut buffered, mut floors) = (Vec::new(), Vec::new(), Vec::new());
        let mut from = 0;
        for _ in 0..TURNS {
            let builders = (0..TASKS * 20).map(|_| events.builder()).collect();
            durable.push(recorded(&recorder, builders, TASKS, true).await?);
            let (own, singles) = (0..writers, if writers == 1 { 500 } else { 150 });
            let mut tasks = JoinSet::new();
            let mut work = Vec::new();
            for writer in own {
                let rows = database.rows(log, from + writer * singles, singles).await?;
                work.push((database.connect().await?, rows));
            }
            let begun = Instant::now();
            for (connection, rows) in work {
                tasks.spawn(D::insert_singly(connection, rows));
            }
            while let Some(done) = tasks.join_next().await {
                done??;
            }
            floors.push(rate(writers * singles, begun.elapsed()));
            from += TASKS * 20;
            // What is buffered goes on after the last task, until all of it is in the log.
            let builders = (0..TASKS * 20).map(|_| events.builder()).collect();
            let begun = Instant::now();
            recorded(&recorder, builders, 64, false).await?;
            let end = u64::try_from(from + TASKS * 20)?;
            while database.store().head(log).await?.frontier.size() < end {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            buffered.push(rate(TASKS * 20, begun.elapsed()));
            from += TASKS * 20;
        }
        let ratio = median(durable.iter().zip(&floors).map(|(rate, floor)| rate / floor));
        let connections = if writers == 1 { "1 connection" } else { "16 connections" };
        let what =
            format!("{}: durable, {TASKS} tasks; floor: single rows, {connections}", D::NAME);
        let aim = if writers == 1 { ">= 8" } else { ">= 2.3" };
        line(&what, median(durable), Some(median(floors)), Some(ratio), aim);
        if writers == 1 {
            let what = format!("{}: buffered, 64 tasks, until all is in the log", D::NAME);
            line(&what, median(buffered), None, None, "-");
        }
        recorder.shutdown(Duration::from_secs(60)).await?;
        database.remove().await?;
    }
    Ok(())
}

async fn recorded(
    recorder: &Recorder,
    mut builders: Vec<EventBuilder>,
    tasks: usize,
    durable: bool,
) -> Result<f64, Failure> {
    let count = builders.len();
    let each = NonZero::new(count.div_ceil(tasks)).ok_or("no events")?;
    let mut running = JoinSet::new();
    let begun = Instant::now();
    while !builders.is_empty() {
        let own = builders.split_off(builders.len().saturating_sub(each.get()));
        let recorder = recorder.clone();
        running.spawn(async move {
            for event in own {
                match durable {
                    true => drop(recorder.record_durable(event).await?),
                    false => recorder.record(event).await,
                }
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(rate(count, begun.elapsed()))
}

/// Fills a log, and compares the rate at its end with that at its beginning.
pub(crate) async fn fill<D: Database>(database: &D, entries: usize) -> Result<(), Failure> {
    const SLICE: usize = 20;
    let log = database.store().open_log("bench/append", "standard").await?;
    let mut events = Events::new();
    let (mut rates, mut logged) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..entries / (SLICE * BATCH) {
        let before = database.logged().await?;
        let mut took = Took::default();
        for _ in 0..SLICE {
            append(database.store(), log, &mut events, &mut took).await?;
        }
        rates.push(rate(SLICE * BATCH, took.append));
        let after = database.logged().await?;
        logged.extend(before.zip(after).and_then(|(before, after)| after.checked_sub(before)));
    }
    for row in database.store().read(log, 0, 1_000).await? {
        bytes += row.canon.len();
    }
    let some = (rates.len() / 3).clamp(1, 10);
    let first = median(rates.iter().take(some).copied());
    let last = median(rates.iter().rev().take(some).copied());
    let what = format!("{}: append at {entries} entries; floor: empty log", D::NAME);
    line(&what, last, Some(first), Some(last / first), ">= 0.80");
    let ends = |values: &[i64]| -> Result<String, Failure> {
        let each = |values: &mut dyn Iterator<Item = &i64>| {
            let (count, sum) = values.fold((0, 0_i64), |(n, sum), value| (n + 1, sum + value));
            Ok::<_, Failure>(sum / i64::try_from(SLICE * BATCH)? / count.max(1))
        };
        let (first, last) =
            (each(&mut values.iter().take(some))?, each(&mut values.iter().rev().take(some))?);
        Ok(format!("{first} at the beginning, {last} at the end"))
    };
    text(&format!("\n{}: bytes per entry", D::NAME));
    text(&format!("  {:<44} {:>9.0}", "canonical text", number(bytes) / 1_000.0));
    let mut all = 0;
    for (name, size) in database.sizes().await? {
        let each = size / i64::try_from(entries)?;
        all += each;
        text(&format!("  {name:<44} {each:>9}"));
    }
    text(&format!("  {:<44} {all:>9}", "all of these"));
    if !logged.is_empty() {
        text(&format!("  {:<44} {}", "write-ahead log", ends(&logged)?));
    }
    Ok(())
}
