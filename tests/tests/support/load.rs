//! Tasks that record all the time, what they have seen, and what the log must hold of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use audit_core::recorder::NotRecorded;
use audit_core::{Event, Recorder};
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

const TASKS: u128 = 8;

/// Between two calls of one task.
const PAUSE: Duration = Duration::from_millis(2);

/// What tasks have recorded.
#[derive(Default)]
pub(crate) struct Done {
    /// Calls that were not refused.
    pub(crate) recorded: BTreeSet<Uuid>,
    /// Durable ones that were.
    pub(crate) refused: BTreeMap<Uuid, NotRecorded>,
    /// How long a call took at the most.
    pub(crate) longest: Duration,
}

/// Tasks that record until this ends: every second one durably.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Done>,
}

impl Load {
    /// With about so many bytes in each event.
    pub(crate) fn start(recorder: &Recorder, weight: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..TASKS {
            tasks.spawn(work(recorder.clone(), number, weight, Arc::clone(&stop)));
        }
        Self { stop, tasks }
    }

    /// What all of them have done.
    pub(crate) async fn end(mut self) -> Done {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Done::default();
        while let Some(done) = self.tasks.join_next().await {
            let done = done.unwrap();
            all.recorded.extend(done.recorded);
            all.refused.extend(done.refused);
            all.longest = all.longest.max(done.longest);
        }
        all
    }
}

#[expect(clippy::disallowed_methods, reason = "the test measures how long a caller waits")]
async fn work(recorder: Recorder, number: u128, weight: usize, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    for step in 0_u128.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = Uuid::from_u128(1 + (number << 64) + step);
        let event = Event::builder("order.place").id(id).metadata("note", "n".repeat(weight));
        let begun = Instant::now();
        let answer = if number.is_multiple_of(2) {
            recorder.record_durable(event).await.map(drop)
        } else {
            recorder.record(event).await;
            Ok(())
        };
        done.longest = done.longest.max(begun.elapsed());
        match answer {
            Ok(()) => _ = done.recorded.insert(id),
            Err(why) => _ = done.refused.insert(id, why),
        }
        tokio::time::sleep(PAUSE).await;
    }
    done
}

/// So many seconds, twice as many in the soak.
pub(crate) fn seconds(few: u64) -> Duration {
    Duration::from_secs(if std::env::var_os("AUDIT_SOAK").is_some() { few * 2 } else { few })
}

pub(crate) fn id(event: &Value) -> Uuid {
    event["id"].as_str().unwrap().parse().unwrap()
}

/// That the log holds what was recorded, each once, and nothing else; and what one task has recorded one after the other
/// in that order.
#[track_caller]
pub(crate) fn assert_all_in_order(events: &[Value], done: &Done) {
    assert!(done.refused.is_empty(), "{:?}", done.refused.first_key_value());
    let kept: BTreeSet<_> = events.iter().map(id).collect();
    assert_eq!(kept.len(), events.len(), "each is there once");
    let (lost, strange) = (done.recorded.difference(&kept), kept.difference(&done.recorded));
    assert_eq!((lost.count(), strange.count()), (0, 0), "lost, and not of this load");
    assert_order(events);
}

/// That what one task has recorded one after the other stands so in the log.
#[track_caller]
pub(crate) fn assert_order(events: &[Value]) {
    let mut last = BTreeMap::new();
    for event in events {
        let id = id(event).as_u128();
        let earlier = last.insert(id >> 64, id);
        assert!(earlier.is_none_or(|earlier| earlier < id), "{event}");
    }
}

/// Waits until nothing is left in the spool.
pub(crate) async fn brought_in(recorder: &Recorder) {
    let empty = async {
        while recorder.health().spooled > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let patience = Duration::from_secs(120);
    let done = tokio::time::timeout(patience, empty).await;
    assert!(done.is_ok(), "after {patience:?}: {:?}", recorder.health());
}
