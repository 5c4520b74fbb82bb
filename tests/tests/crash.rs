//! Processes that are killed at any moment, while their log takes events and while it does not: what was acknowledged is in
//! the log, once.
#![cfg(test)]

#[path = "support/chance.rs"]
mod chance;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod log;
#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;

use std::collections::{BTreeMap, BTreeSet};

use audit_core::store::{Entry, Reader, SqliteStore};
use process::Writer;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

/// Processes that are killed.
fn rounds() -> u64 {
    if std::env::var_os("AUDIT_SOAK").is_some() { 50 } else { 6 }
}

fn chance(seed: u64, below: u64) -> usize {
    chance::chance(seed, below).try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_killed_processes_have_acknowledged_is_in_the_log_once_wherever_it_waited() {
    let seed = std::env::var("AUDIT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (database, spool) = (path("audit.db"), path("spool.db"));
    SqliteStore::open(&database).await.unwrap().close().await;

    let mut acknowledged = BTreeSet::new();
    for round in 0..rounds() {
        let name = format!("round-{round}");
        let jobs = (0..200_000).map(|number| format!("{} {number}", number % 4));
        let mut writer = Writer::start_with(&[&database, &name, &spool], jobs);
        let mut said = vec![writer.hear_some(1 + chance(seed + 3 * round, 300))];
        // Somebody else begins to write, and does not end.
        let mut other = SqliteConnectOptions::new().filename(&database).connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        said.push(writer.hear_some(1 + chance(seed + 3 * round + 1, 600)));
        if round % 2 == 0 {
            // What waits is brought in, as far as there is time.
            drop(other);
            said.push(writer.hear_some(1 + chance(seed + 3 * round + 2, 300)));
        }
        said.push(writer.kill_after(0));
        for job in said.into_iter().flat_map(|said| said.done) {
            acknowledged.insert((name.clone(), job));
        }
    }
    // The next process finds what is left.
    Writer::start_with(&[&database, "last", &spool], []).wait();

    let entries = log::entries(&Reader::new(SqliteStore::open(&database).await.unwrap())).await;
    let mut times: BTreeMap<_, usize> = BTreeMap::new();
    for event in entries.iter().map(Entry::event) {
        let name = log::text(&event, "/actor/id").to_owned();
        *times.entry((name, log::text(&event, "/labels/job").to_owned())).or_default() += 1;
    }
    println!(
        "seed {seed}: {} processes killed, {} jobs acknowledged, {} in the log",
        rounds(),
        acknowledged.len(),
        times.len()
    );
    for job in &acknowledged {
        assert_eq!(times.get(job), Some(&1), "{job:?}, with AUDIT_SEED={seed}");
    }
    assert!(times.values().all(|times| *times == 1), "AUDIT_SEED={seed}");
}
