//! Whatever fails, and in whatever order: each accepted event ends once, in the log or in a gap; and of processes that are
//! killed, the log tells that they were, and closes what they began.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::time::sleep;
use uuid::Uuid;

use super::faulty::FaultyStore;
use super::faulty_spool::FaultySpool;
use super::{builder, clock, events, stop};
use crate::NotRecorded;
use crate::event::Event;
use crate::recorder::{DEFAULT_HEARTBEAT, DEFAULT_ORPHANED_AFTER, Pending, Recorder};
use crate::store::Reader;
use crate::testing::ManualClock;
use crate::verify::{FindingKind, verify};

#[derive(Debug, Clone)]
enum Step {
    /// Records so many events.
    Record(usize),
    /// Records one that is waited for.
    Durable,
    /// Begins one that must not run unrecorded, and completes it, or leaves it so.
    Strict(bool),
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
    /// The process is killed, and another one begins.
    Kill,
}

fn step() -> BoxedStrategy<Step> {
    prop_oneof![
        6 => (1..40_usize).prop_map(Step::Record),
        3 => Just(Step::Durable),
        1 => any::<bool>().prop_map(Step::Strict),
        2 => (1..30_usize).prop_map(Step::Unavailable),
        2 => (1..4_usize).prop_map(Step::AnswersLost),
        1 => (1..3_usize).prop_map(Step::Ignored),
        2 => (1..30_usize).prop_map(Step::DiskFull),
        1 => (1..10_usize).prop_map(Step::DiskStuck),
        4 => (1..5_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
    ]
    .boxed()
}

/// What there was, and what is left of it.
#[derive(Default)]
struct Done {
    recorded: BTreeSet<Uuid>,
    /// Of those, what is known to be recorded.
    durable: BTreeSet<Uuid>,
    /// What processes that were killed may have had in memory.
    excused: BTreeSet<Uuid>,
    kills: usize,
    kept: Vec<Uuid>,
    /// How many events the gaps tell of.
    lost: u64,
    /// Operations that begin, and those that are completed.
    begun: BTreeSet<String>,
    completed: BTreeSet<String>,
    unclean_stops: usize,
}

/// Processes, one after the other, in a world that fails.
struct World {
    store: FaultyStore,
    spool: FaultySpool,
    clock: ManualClock,
    recorder: Recorder,
    /// Buffered events of this process.
    buffered: BTreeSet<Uuid>,
    /// Operations that it has not completed yet.
    running: Vec<(Uuid, Pending)>,
    next: u128,
    done: Done,
}

async fn begin(store: &FaultyStore, spool: &FaultySpool, clock: &ManualClock) -> Recorder {
    let recorder = builder(store).spool(spool.clone()).queue_capacity(16).clock(clock.clone());
    recorder.queue_wait(Duration::from_millis(100)).start().await.unwrap()
}

impl World {
    async fn new() -> Self {
        let (store, spool, clock) = (FaultyStore::default(), FaultySpool::default(), clock());
        store.strike_all();
        let recorder = begin(&store, &spool, &clock).await;
        let (buffered, running) = (BTreeSet::new(), Vec::new());
        Self { store, spool, clock, recorder, buffered, running, next: 0, done: Done::default() }
    }

    fn event(&mut self) -> (Uuid, crate::EventBuilder) {
        self.next += 1;
        let id = Uuid::from_u128(self.next);
        (id, Event::builder("a.b").id(id))
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Record(count) => {
                for _ in 0..count {
                    let (id, event) = self.event();
                    self.recorder.record(event).await;
                    self.done.recorded.insert(id);
                    self.buffered.insert(id);
                }
            }
            Step::Durable => {
                let (id, event) = self.event();
                let done = self.recorder.record_durable(event).await;
                self.note(id, done.map(drop));
            }
            Step::Strict(completed) => {
                let (id, event) = self.event();
                match Pending::begin_strict(&self.recorder, event).await {
                    // It took one of the few places of the queue, and gives it back.
                    Ok(pending) if completed || self.running.len() > 3 => {
                        let done = pending.finish_durable().await;
                        self.note(id, done.map(drop));
                    }
                    Ok(pending) => self.running.push((id, pending)),
                    // Its end is buffered, if there is one.
                    Err(_) => {
                        self.done.excused.insert(id);
                    }
                }
            }
            Step::Unavailable(calls) => self.store.be_unavailable(calls),
            Step::AnswersLost(calls) => self.store.lose_answers(calls),
            Step::Ignored(calls) => self.store.ignore(calls),
            Step::DiskFull(calls) => self.spool.be_full(calls),
            Step::DiskStuck(calls) => self.spool.be_stuck(calls),
            Step::Wait(millis) => sleep(Duration::from_millis(millis)).await,
            Step::Restart => {
                self.end().await;
                self.recorder = begin(&self.store, &self.spool, &self.clock).await;
            }
            Step::Kill => {
                // Its task is gone in the middle of whatever it does, and with it all that it had in memory.
                self.recorder.shared.worker.lock().await.task.abort();
                // What these say when they are dropped reaches nobody any more.
                self.running.clear();
                self.done.excused.append(&mut self.buffered);
                self.done.kills += 1;
                self.recorder = begin(&self.store, &self.spool, &self.clock).await;
            }
        }
    }

    fn note(&mut self, id: Uuid, done: Result<(), NotRecorded>) {
        match done {
            Err(NotRecorded::NotRun(_)) => return,
            // It is on its way.
            Err(_) => {
                self.buffered.insert(id);
            }
            Ok(()) => {
                self.done.durable.insert(id);
            }
        }
        self.done.recorded.insert(id);
    }

    async fn end(&mut self) {
        // What is only in memory needs one of both.
        self.spool.be_full(0);
        self.spool.be_stuck(0);
        self.store.ignore(0);
        for (id, pending) in std::mem::take(&mut self.running) {
            pending.finish();
            self.done.recorded.insert(id);
        }
        stop(&self.recorder).await;
        self.buffered.clear();
    }
}

async fn run(steps: &[Step]) -> Done {
    let mut world = World::new().await;
    for step in steps {
        world.step(step).await;
    }
    world.end().await;
    let World { store, spool, clock, mut done, .. } = world;
    store.be_unavailable(0);
    store.lose_answers(0);
    let last = begin(&store, &spool, &clock).await;
    sleep(Duration::from_secs(5)).await;
    // All are there, and who was killed has been silent for long by then; or, where not even a first word could be said,
    // for longer than an operation may take.
    clock.advance(2 * DEFAULT_ORPHANED_AFTER);
    sleep(3 * DEFAULT_HEARTBEAT).await;
    stop(&last).await;
    assert_eq!(spool.len(), 0);

    let in_log = events(&store, "standard").await;
    let text = |event: &serde_json::Value, member: &str| event[member].as_str().map(str::to_owned);
    let begun = |event: &&serde_json::Value| event["stage"] == "begun";
    done.begun = in_log.iter().filter(begun).filter_map(|event| text(event, "id")).collect();
    done.completed = in_log.iter().filter_map(|event| text(event, "begun_id")).collect();
    let said = in_log
        .iter()
        .filter(|event| event["stage"] == "complete" && event.pointer("/error/code").is_none());
    done.kept = said.map(|event| text(event, "id").unwrap().parse().unwrap()).collect();
    let own = events(&store, "audit").await;
    let gaps = own.iter().filter(|event| event["action"] == "audit.gap");
    done.lost = gaps.map(|gap| gap["metadata"]["count"].as_u64().unwrap()).sum();
    let report = verify(&Reader::new(store)).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let unclean = |finding: &&_| {
        matches!(finding, crate::verify::Finding { kind: FindingKind::UncleanStop, .. })
    };
    done.unclean_stops = report.findings().filter(unclean).count();
    done
}

proptest! {
    // `PROPTEST_CASES` for more of them.
    #[test]
    fn each_event_ends_once_in_the_log_or_in_a_gap(steps in vec(step(), 1..40)) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let done = runtime.block_on(run(&steps));
        let once: BTreeSet<_> = done.kept.iter().copied().collect();
        prop_assert_eq!(once.len(), done.kept.len(), "an event is there twice");
        prop_assert!(done.durable.is_subset(&once), "a durable event is missing");
        prop_assert!(once.iter().all(|id| done.recorded.contains(id) || done.excused.contains(id)));
        let missing: Vec<_> = done.recorded.difference(&once).collect();
        let in_gaps = missing.iter().filter(|id| !done.excused.contains(id)).count();
        let count = |events: usize| u64::try_from(events).unwrap();
        let (in_gaps, missing) = (count(in_gaps), count(missing.len()));
        prop_assert!(in_gaps <= done.lost, "{in_gaps} are missing, and gaps tell of {}", done.lost);
        prop_assert!(done.kills > 0 || done.lost <= missing, "{} of {missing}", done.lost);
        // Each operation that has begun is over, one way or the other.
        prop_assert!(done.begun.is_subset(&done.completed));
        // Who was killed before its first word was in log or spool has said nothing at all.
        prop_assert!(done.unclean_stops <= done.kills);
    }
}
