//! Whatever fails, and in whatever order: each accepted event ends once, in the log or in a gap.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::time::sleep;
use uuid::Uuid;

use super::faulty::FaultyStore;
use super::faulty_spool::FaultySpool;
use super::{builder, events, stop};
use crate::event::Event;
use crate::recorder::Recorder;

#[derive(Debug, Clone)]
enum Step {
    /// Records so many events.
    Record(usize),
    /// Records one that is waited for.
    Durable,
    /// The store is out of reach for so many calls.
    Unavailable(usize),
    /// It appends, and cannot say so, so many times.
    AnswersLost(usize),
    /// It never answers so many calls.
    Ignored(usize),
    /// The disk is full for so many calls.
    DiskFull(usize),
    /// It is so full that not even what is done can be removed.
    DiskStuck(usize),
    /// So many milliseconds pass.
    Wait(u64),
    /// The process ends, and another one begins.
    Restart,
}

fn step() -> BoxedStrategy<Step> {
    prop_oneof![
        6 => (1..40_usize).prop_map(Step::Record),
        3 => Just(Step::Durable),
        2 => (1..30_usize).prop_map(Step::Unavailable),
        2 => (1..4_usize).prop_map(Step::AnswersLost),
        1 => (1..3_usize).prop_map(Step::Ignored),
        2 => (1..30_usize).prop_map(Step::DiskFull),
        1 => (1..10_usize).prop_map(Step::DiskStuck),
        4 => (1..5_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
    .boxed()
}

async fn begin(store: &FaultyStore, spool: &FaultySpool) -> Recorder {
    let recorder = builder(store).spool(spool.clone()).queue_capacity(16);
    recorder.queue_wait(Duration::from_millis(100)).start().await.unwrap()
}

async fn end(recorder: Recorder, store: &FaultyStore, spool: &FaultySpool) {
    // What is only in memory needs one of both.
    spool.be_full(0);
    spool.be_stuck(0);
    store.ignore(0);
    stop(&recorder).await;
}

/// Ids of events that were recorded, those of them that are known to be, ids in the log, and how many gaps tell of.
async fn run(steps: &[Step]) -> (BTreeSet<Uuid>, BTreeSet<Uuid>, Vec<Uuid>, u64) {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let mut recorder = begin(&store, &spool).await;
    let (mut recorded, mut durable) = (BTreeSet::new(), BTreeSet::new());
    let mut ids = (1..).map(Uuid::from_u128);
    let mut next = move || ids.next().unwrap();
    for step in steps {
        match *step {
            Step::Record(count) => {
                for _ in 0..count {
                    let id = next();
                    recorded.insert(id);
                    recorder.record(Event::builder("a.b").id(id)).await;
                }
            }
            Step::Durable => {
                let id = next();
                let done = recorder.record_durable(Event::builder("a.b").id(id)).await;
                if !matches!(done, Err(crate::NotRecorded::NotRun(_))) {
                    recorded.insert(id);
                }
                if done.is_ok() {
                    durable.insert(id);
                }
            }
            Step::Unavailable(calls) => store.be_unavailable(calls),
            Step::AnswersLost(calls) => store.lose_answers(calls),
            Step::Ignored(calls) => store.ignore(calls),
            Step::DiskFull(calls) => spool.be_full(calls),
            Step::DiskStuck(calls) => spool.be_stuck(calls),
            Step::Wait(millis) => sleep(Duration::from_millis(millis)).await,
            Step::Restart => {
                end(recorder, &store, &spool).await;
                recorder = begin(&store, &spool).await;
            }
        }
    }
    end(recorder, &store, &spool).await;
    store.be_unavailable(0);
    store.lose_answers(0);
    stop(&begin(&store, &spool).await).await;
    assert_eq!(spool.len(), 0);
    let of = |event: &serde_json::Value| event["id"].as_str().unwrap().parse().unwrap();
    let kept = events(&store, "standard").await.iter().map(of).collect();
    let gaps = events(&store, "audit").await;
    let lost = gaps.iter().map(|gap| gap["metadata"]["count"].as_u64().unwrap()).sum();
    (recorded, durable, kept, lost)
}

proptest! {
    // `PROPTEST_CASES` for more of them.
    #[test]
    fn each_event_ends_once_in_the_log_or_in_a_gap(steps in vec(step(), 1..40)) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (recorded, durable, kept, lost) = runtime.block_on(run(&steps));
        let once: BTreeSet<_> = kept.iter().copied().collect();
        prop_assert_eq!(once.len(), kept.len(), "an event is there twice");
        prop_assert!(once.is_subset(&recorded));
        prop_assert!(durable.is_subset(&once), "a durable event is missing");
        prop_assert_eq!(u64::try_from(recorded.len() - once.len()).unwrap(), lost);
    }
}
