//! What several processes leave in the logs.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::store::Reader;

use super::database::Database;
use crate::events_per_task;
use crate::log::{entries, text};
use crate::process::{Said, Writer};

const TASKS: usize = 4;

/// The jobs of one process; `more` says what else stands on the line of a number.
fn jobs(more: impl Fn(usize) -> String) -> Vec<String> {
    let numbers = 0..events_per_task();
    numbers
        .flat_map(|n| (0..TASKS).map(move |task| (task, n)))
        .map(|(task, n)| format!("{task} {n}{}", more(n)))
        .collect()
}

/// Several processes; one is killed when a third of its work is done, and started again with the rest.
pub(super) async fn one_log_though_one_is_killed(processes: usize) {
    let Some(database) = Database::new().await else { return };
    let all = jobs(|_| String::new());
    let start = |name: &str| Writer::start(&database.url, name, all.clone());
    let killed = start("killed");
    let others: Vec<_> = (1..processes).map(|n| (n, start(&format!("other-{n}")))).collect();

    let before = killed.kill_after(all.len() / 3);
    let rest = all.iter().filter(|job| !before.done.contains(*job)).cloned();
    let after = Writer::start(&database.url, "killed", rest).wait();
    let others: Vec<_> = others.into_iter().map(|(n, other)| (n, other.wait())).collect();

    let found = found(&database).await;
    for (n, said) in &others {
        exactly_once(&all, said, &found[&format!("other-{n}")]);
    }
    // What was under way at the kill is there once or twice: the process that was started again could not know.
    let (found, again) = (&found["killed"], all.len() - before.done.len());
    assert!(all.iter().all(|job| found.contains_key(job)));
    let twice: BTreeSet<_> =
        found.iter().filter(|(_, times)| **times > 1).map(|(job, _)| job).collect();
    assert!(found.values().all(|times| *times <= 2));
    for job in before.done.iter() {
        assert!(!twice.contains(job), "acknowledged, and there twice: {job}");
    }
    println!(
        "{} jobs in each of {processes} processes; of the killed one {} were acknowledged, {again} done again, {} \
         are there twice; in doubt were {}, of the others {}",
        all.len(),
        before.done.len(),
        twice.len(),
        before.doubt.len() + after.doubt.len(),
        others.iter().map(|(_, said)| said.doubt.len()).sum::<usize>(),
    );
}

#[tokio::test]
async fn logs_of_several_classes_and_shards_that_two_processes_write_are_each_dense() {
    let Some(database) = Database::new().await else { return };
    let class = |n| ["standard", "security", "billing"][n % 3];
    let all = jobs(|n| match n % 4 {
        0 => format!(" {}", class(n)),
        tenant => format!(" {} tenant-{tenant}", class(n)),
    });
    let writers =
        ["left", "right"].map(|name| (name, Writer::start(&database.url, name, all.clone())));
    let writers = writers.map(|(name, writer)| (name, writer.wait()));
    let found = found(&database).await;
    for (name, said) in &writers {
        exactly_once(&all, said, &found[*name]);
    }

    let entries = entries(&Reader::new(database.store().await)).await;
    for entry in &entries {
        let event = entry.event();
        let mut log = format!(
            "test.example/audit/{}",
            match text(&event, "/retention") {
                "" => "standard",
                class => class,
            }
        );
        if let Some(tenant) = event["tenant"].as_str() {
            log = format!("{log}/{tenant}");
        }
        assert_eq!(entry.log, log, "{event}");
    }
    let logs: BTreeSet<_> = entries.iter().map(|entry| &entry.log).collect();
    assert_eq!(logs.len(), 3 * 4, "{logs:?}");
}

/// How often each job of each process stands in the logs, which are sound.
async fn found(database: &Database) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut found: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
    for entry in entries(&Reader::new(database.store().await)).await {
        let event = entry.event();
        assert_eq!(event["action"], "job.done", "{event}");
        let of_process = found.entry(text(&event, "/actor/id").to_owned()).or_default();
        *of_process.entry(text(&event, "/labels/job").to_owned()).or_default() += 1;
    }
    found
}

/// A process that came to its end by itself has said something about each job, and recorded each once.
fn exactly_once(all: &[String], said: &Said, found: &BTreeMap<String, usize>) {
    assert_eq!(said.done.len() + said.doubt.len(), all.len());
    for job in all {
        assert_eq!(found.get(job), Some(&1), "{job}");
    }
    assert_eq!(found.len(), all.len());
}
