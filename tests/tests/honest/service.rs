//! A process that records.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use audit_core::recorder::Pending;
use audit_core::{
    Actor, Event, EventBuilder, NotRecorded, Outcome, Recorder, Refusal, RequestInfo,
};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::database::Database;
use crate::Dice;

/// Tasks that record at the same time.
const TASKS: u64 = 4;

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A recorder on a runtime of its own, with a store of its own: what a process is to a log.
pub(super) struct Service {
    database: Arc<Database>,
    runtime: Runtime,
    recorder: Recorder,
    pub(super) name: String,
}

impl Service {
    /// Which shows its signs of life so often.
    pub(super) async fn start(database: &Arc<Database>, name: String, heartbeat: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (database, producer) = (Arc::clone(database), name.clone());
        let opened = Arc::clone(&database);
        let recorder = runtime.spawn(async move {
            let recorder = Recorder::builder(opened.store().await).origin("test.example/audit");
            let recorder = recorder.shard_by(|event| event.tenant().map(str::to_owned));
            let recorder = recorder.producer(producer).heartbeat(heartbeat).deadline(PATIENCE);
            recorder.start().await.unwrap()
        });
        let recorder = recorder.await.unwrap();
        Self { database, runtime, recorder, name }
    }

    /// Records so many events in each of its tasks.
    pub(super) async fn record(&self, dice: &mut Dice, events: usize) {
        let mut tasks = self.work(dice, events).0;
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    }

    /// The tasks that record, and what tells of each event that is in the log.
    fn work(
        &self,
        dice: &mut Dice,
        events: usize,
    ) -> (JoinSet<()>, impl Future<Output = ()> + use<>) {
        let (mut tasks, (said, mut heard)) = (JoinSet::new(), unbounded_channel());
        for _ in 0..TASKS {
            let dice = Dice::new(dice.seed());
            tasks.spawn_on(
                work(Arc::clone(&self.database), self.recorder.clone(), dice, events, said.clone()),
                self.runtime.handle(),
            );
        }
        let some = dice.below(20);
        let heard = async move {
            for _ in 0..=some {
                heard.recv().await.unwrap();
            }
        };
        (tasks, heard)
    }

    /// Ends well.
    pub(super) async fn stop(self) {
        self.recorder.shutdown(PATIENCE).await.unwrap();
        self.runtime.shutdown_background();
    }

    /// Ends in the middle of its work, wherever that is.
    pub(super) async fn kill(self, dice: &mut Dice) {
        let (tasks, heard) = self.work(dice, usize::MAX);
        tokio::time::timeout(PATIENCE, heard).await.unwrap();
        self.runtime.shutdown_background();
        drop(tasks);
    }
}

async fn work(
    database: Arc<Database>,
    recorder: Recorder,
    mut dice: Dice,
    events: usize,
    said: UnboundedSender<()>,
) {
    let mut connection = database.connect().await;
    for _ in 0..events {
        let event = event(&mut dice);
        let is_in = match dice.below(32) {
            0..2 => taken(recorder.record_durable(event).await).is_some(),
            2 => match taken(Pending::begin_strict(&recorder, event).await) {
                Some(begun) => taken(begun.finish_durable().await).is_some(),
                None => false,
            },
            // Its future is dropped.
            3 => taken(Pending::begin_strict(&recorder, event).await).map(drop).is_some(),
            // It tells nothing of the recorder, which may be killed before its own first word.
            4 => {
                let _ = recorder.record_in(&mut connection, event).await;
                false
            }
            5..8 => {
                recorder.record(event.outcome(Outcome::Denied).reason("not yours")).await;
                false
            }
            _ => {
                recorder.record(event).await;
                false
            }
        };
        // Whoever waits for it may have heard enough.
        if is_in {
            let _ = said.send(());
        }
    }
}

/// Nothing where SQLite let others write for too long, which is told to whoever records, and no finding.
fn taken<T>(answer: Result<T, NotRecorded>) -> Option<T> {
    match answer {
        Err(NotRecorded::NotRun(Refusal::Locked)) => None,
        Err(NotRecorded::RanButUnrecorded { why: Refusal::Locked, .. }) => None,
        answer => Some(answer.unwrap()),
    }
}

/// One of a few logs, most often of the same one.
fn event(dice: &mut Dice) -> EventBuilder {
    let number = dice.below(100);
    let actor = Actor::user(format!("u-{number}")).name("Alice Adams").email("alice@example.com");
    let event = Event::builder("invoice.pay").resource("invoice", number.to_string()).actor(actor);
    let event = match dice.below(3) {
        0 => event,
        1 => event.message("paid by Alice").metadata("amount", number),
        _ => event
            .request(RequestInfo::new().ip(Ipv4Addr::from_bits(number.try_into().unwrap()).into())),
    };
    match dice.below(10) {
        0 => event.retention("security"),
        1 => event.tenant("acme"),
        2 => event.retention("security").tenant("acme"),
        _ => event,
    }
}
