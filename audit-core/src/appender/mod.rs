//! The task that writes: accepted events into their logs, a batch at a time.

mod batch;
mod closed;
mod health;
mod intake;
mod lifecycle;
mod names;
mod outbox;
mod reconciler;
mod set_aside;
mod spool;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub(crate) use batch::{Accepted, Content, MAX_BATCH, Reply};
pub use batch::{Receipt, Refusal};
pub use health::Health;
pub(crate) use intake::Intake;
pub(crate) use lifecycle::MISSED_BEATS;
pub(crate) use names::{LogName, Names, Shard};
pub(crate) use reconciler::Reconciler;
pub(crate) use spool::Overflow;

use crate::event::error_text;
use crate::store::{Leaf, Spool, Store, StoreError, StoreErrorKind};
use batch::{Batch, by_log};
use outbox::Looked;

/// First and longest pause before a call is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Fewest that are waited for, and for how long at the most: see [`Appender::await_more`].
const CROWD: usize = 8;
const MOST_WAITING: Duration = Duration::from_millis(10);

pub(crate) struct Appender {
    store: Arc<dyn Store>,
    /// Logs that are there, each with the one that takes its events: itself, or one that goes on for it.
    open: BTreeMap<LogName, LogName>,
    /// The key from which the next look into the outbox goes on.
    outbox_from: i64,
    /// Logs that were out of reach since the looks there began anew.
    passed_over: BTreeSet<LogName>,
    /// When they begin anew for their sake.
    passed_over_until: Instant,
    intake: Arc<Intake>,
    inlets: Inlets,
    /// Where events go that their log does not take now.
    spool: Option<Arc<dyn Spool>>,
    /// The key of the spool up to which all is done.
    behind: i64,
    /// Keys of the spool that are done and still stand there.
    done: Vec<i64>,
    /// What waits in memory for logs that take nothing, and how many events and bytes that is.
    parked: BTreeMap<LogName, Batch>,
    parked_size: (usize, usize),
    /// How many that may be.
    room: (usize, usize),
    /// For how many events of a pass somebody waited, the last time that somebody did, and until when they may be waited for in turn.
    awaited: (usize, Instant),
    /// How many events are appended at once, at most: fewer where the store needs longer than it has.
    portion: usize,
    /// When the store's time is up for what is at hand: who waits for it needs the rest of his for the spool.
    until: Option<Instant>,
    /// How long a call of the store may take.
    deadline: Duration,
    lifecycle: Lifecycle,
    /// What this recorder has to say of itself, and no log has taken yet.
    words: Vec<Leaf>,
    /// When to try that again.
    words_at: Instant,
    /// The log's own events about what came up while writing.
    reports: Vec<Leaf>,
}

/// Where events come from.
pub(crate) struct Inlets {
    pub(crate) queue: mpsc::Receiver<Accepted>,
    /// Denials that found no place in the queue.
    pub(crate) denials: mpsc::Receiver<Accepted>,
    /// What on its way into the spool does not get there.
    pub(crate) stranded: mpsc::Receiver<(LogName, Batch)>,
}

/// What a recorder says of itself when it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifecycle {
    /// Events that it may have in memory.
    pub(crate) places: usize,
    /// How long it is silent at the most.
    pub(crate) heartbeat: Duration,
}

impl Appender {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        intake: Arc<Intake>,
        inlets: Inlets,
        spool: Option<Arc<dyn Spool>>,
        deadline: Duration,
        lifecycle: Lifecycle,
        room: (usize, usize),
    ) -> Self {
        // Who waits for an event has as long for both.
        let deadline = if spool.is_some() { deadline / 2 } else { deadline };
        Self {
            store,
            open: BTreeMap::new(),
            outbox_from: i64::MIN,
            passed_over: BTreeSet::new(),
            passed_over_until: Instant::now(),
            intake,
            inlets,
            spool,
            behind: 0,
            done: Vec::new(),
            parked: BTreeMap::new(),
            parked_size: (0, 0),
            room,
            awaited: (0, Instant::now()),
            portion: MAX_BATCH,
            until: None,
            deadline,
            lifecycle,
            words: Vec::new(),
            words_at: Instant::now(),
            reports: Vec::new(),
        }
    }

    /// Finds a log or begins it; answers with the one that takes its events, as far as is known.
    pub(crate) async fn open(&mut self, log: &LogName) -> Result<LogName, StoreError> {
        if !self.open.contains_key(log) {
            self.store.open_log(&log.origin, &log.class).await?;
            self.open.insert(log.clone(), log.clone());
        }
        Ok(self.current(log))
    }

    fn current(&self, log: &LogName) -> LogName {
        self.open.get(log).unwrap_or(log).clone()
    }

    /// Writes until the queue is closed, by `stop` or because no recorder is left, and empty.
    pub(crate) async fn run(&mut self, mut stop: oneshot::Receiver<()>) {
        let intake = Arc::clone(&self.intake);
        let mut accepted = Vec::new();
        let mut pause = outbox::PAUSE.0;
        let mut poll = pin!(sleep(pause));
        let (mut again, mut retry) = (PAUSE.0, pin!(sleep(PAUSE.0)));
        let heartbeat = self.lifecycle.heartbeat;
        let mut beat = pin!(sleep(heartbeat));
        let mut knock = pin!(sleep(Duration::ZERO));
        loop {
            tokio::select! {
                // Slots that are taken keep a closed queue open until their events are in.
                taken = self.inlets.queue.recv_many(&mut accepted, MAX_BATCH) => {
                    if taken == 0 {
                        break;
                    }
                    self.await_more(&mut accepted).await;
                    self.begin_pass();
                }
                Some(denial) = self.inlets.denials.recv() => {
                    accepted.push(denial);
                    self.begin_pass();
                    self.take_more(&mut accepted);
                }
                Some((log, batch)) = self.inlets.stranded.recv() => {
                    self.begin_pass();
                    self.deliver(&log, batch).await;
                }
                stopped = &mut stop, if !stop.is_terminated() => {
                    if stopped.is_ok() {
                        self.inlets.queue.close();
                        self.inlets.denials.close();
                        intake.ending().notify_one();
                    }
                    continue;
                }
                () = intake.posted().notified(), if pause > outbox::PAUSE.0 => {
                    pause = outbox::PAUSE.0;
                    poll.set(sleep(pause));
                    continue;
                }
                () = &mut retry, if self.spool.is_some() => {
                    self.begin_pass();
                    again = self.replay_and_wait(again).await;
                    retry.set(sleep(again));
                    self.take_more(&mut accepted);
                }
                () = &mut beat => {
                    self.begin_pass();
                    self.still_there().await;
                    beat.set(sleep(heartbeat));
                    self.take_more(&mut accepted);
                }
                () = &mut knock, if !intake.all_closed().is_empty() => {
                    self.begin_pass();
                    self.reopen().await;
                    knock.set(sleep(closed::AGAIN));
                    self.take_more(&mut accepted);
                }
                // What is in the outbox is safe where it is.
                () = &mut poll, if intake.spooled() == 0 => {
                    self.begin_pass();
                    let again = match self.look_into_outbox().await {
                        Looked::More => Duration::ZERO,
                        Looked::Some => outbox::PAUSE.0,
                        Looked::Nothing => pause.saturating_mul(2).min(outbox::PAUSE.1),
                    };
                    pause = again.max(outbox::PAUSE.0);
                    poll.set(sleep(again));
                    self.take_more(&mut accepted);
                }
            }
            let was_clear = intake.spooled() == 0;
            self.deliver_all(&mut accepted).await;
            self.write_reports().await;
            self.say_later().await;
            if intake.spooled() > 0 && was_clear {
                again = PAUSE.0;
                retry.set(sleep(again));
            } else if intake.spooled() > 0 && again.is_zero() {
                // No more goes in than comes out.
                again = self.replay_and_wait(again).await;
                retry.set(sleep(again));
            }
        }
        // Those come until their task has ended, too.
        while let Some((log, batch)) = self.inlets.stranded.recv().await {
            self.begin_pass();
            self.deliver(&log, batch).await;
        }
        while let Some(denial) = self.inlets.denials.recv().await {
            accepted.push(denial);
            self.begin_pass();
            self.deliver_all(&mut accepted).await;
        }
    }

    /// Brings what was accepted into the logs.
    async fn deliver_all(&mut self, accepted: &mut Vec<Accepted>) {
        let bytes = accepted.iter().map(|accepted| accepted.bytes).sum();
        let (awaited, begun) = (awaited(accepted), Instant::now());
        let intake = Arc::clone(&self.intake);
        for (log, batch) in by_log(accepted.drain(..), intake.producer()) {
            self.deliver(&log, batch).await;
        }
        if awaited > 0 {
            self.awaited = (awaited, Instant::now() + (begun.elapsed() / 2).min(MOST_WAITING));
        }
        intake.free(bytes);
    }

    /// Sees to what is left when nothing comes any more. What stays in the spool is found by the next start.
    /// What waits in memory for a log that takes nothing is lost, and counted.
    pub(crate) async fn finish(mut self) -> u64 {
        self.begin_pass();
        self.reopen().await;
        while self.intake.spooled() > 0 && self.replay().await {}
        self.look_anew();
        // Others may go on writing there: what is left is found by them, or by the next start.
        for _ in 0..outbox::LAST_LOOKS {
            if self.look_into_outbox().await != Looked::More {
                break;
            }
        }
        if self.spool.is_some() {
            for log in self.parked.keys().cloned().collect::<Vec<_>>() {
                for batch in self.unpark(&log) {
                    self.deliver(&log, batch).await;
                }
            }
        }
        let mut lost = self.abandon();
        self.write_reports().await;
        self.begin_pass();
        self.stopped().await;
        lost += self.abandon();
        lost
    }

    /// Gives the store its time for what is at hand.
    fn begin_pass(&mut self) {
        self.until = self.spool.is_some().then(|| Instant::now() + self.deadline);
    }

    /// How long the store has.
    fn patience(&self) -> Duration {
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        self.until.map_or(self.deadline, left)
    }

    /// Waits a little for those who were answered just now, if they were many and no more than half of them have come back: as they ask
    /// one after the other, the first would have a commit of his own and the others wait for the one after it.
    ///
    /// Until they have been gone for half as long as they had to wait, rounded up to the milliseconds that the runtime's clock knows.
    async fn await_more(&mut self, accepted: &mut Vec<Accepted>) {
        let (before, until) = self.awaited;
        let is_few = (1..=before / 2).contains(&awaited(accepted));
        if before < CROWD || !is_few || Instant::now() >= until {
            return;
        }
        let queue = &mut self.inlets.queue;
        let more = async {
            while let Some(left @ 1..) = before.checked_sub(accepted.len())
                && queue.recv_many(accepted, left).await > 0
            {}
        };
        // Whoever did not come has no need to.
        let _ = timeout_at(until, more).await;
    }

    /// What came into the queue meanwhile does not wait for the rest of the outbox, or of the spool.
    fn take_more(&mut self, accepted: &mut Vec<Accepted>) {
        while accepted.len() < MAX_BATCH
            && let Ok(next) =
                self.inlets.denials.try_recv().or_else(|_| self.inlets.queue.try_recv())
        {
            accepted.push(next);
        }
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        let left = self.intake.under_way();
        if left > 0 {
            tracing::error!(
                left,
                "audit log: the runtime ended without a shutdown of the recorder"
            );
        }
    }
}

/// For how many events somebody waits.
fn awaited(accepted: &[Accepted]) -> usize {
    accepted.iter().filter(|accepted| accepted.is_awaited()).count()
}

/// Gives a call of the store so long: a store that hangs must not stop the appender for ever.
async fn in_time<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |what| Err(StoreError::new(StoreErrorKind::Unavailable, what));
    // Nothing is begun that cannot be waited for.
    if deadline.is_zero() {
        return late("no time was left for it".to_owned());
    }
    let in_time = timeout(deadline, call).await;
    in_time.unwrap_or_else(|_| late(format!("no answer within {deadline:?}")))
}

async fn wait(pause: &mut Duration, what: &str, error: &StoreError) {
    let text = error_text(error);
    match error.kind() {
        StoreErrorKind::Unavailable | StoreErrorKind::Locked => {
            tracing::warn!(error = text, "audit log: could not {what}, trying again in {pause:?}");
        }
        // Nothing gets better by itself, and all logs of this recorder wait.
        _ => tracing::error!(
            error = text,
            "audit log: cannot {what}, nothing is recorded until that is mended"
        ),
    }
    sleep(*pause).await;
    *pause = pause.saturating_mul(2).min(PAUSE.1);
}
