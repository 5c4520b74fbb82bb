//! Operations that have begun and that nobody completes any more: closed, with an outcome that nobody knows.
//!
//! A process that is killed cannot say how its strict operations ended. Another one finds what they said when they began, and
//! says so in their place; or the next one, once it is known that the first is no more.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::WeakSender;
use tokio::time::sleep;
use uuid::{Builder, Uuid};

use super::batch::{Accepted, Content};
use super::lifecycle::{LOGS_OF_ONE, MISSED_BEATS};
use super::{Intake, Lifecycle, LogName, in_time};
use crate::event::{
    AUDIT_CLASS, Actor, ErrorInfo, Event, EventBuilder, Outcome, Resource, Stamp, error_text,
    metadata, random,
};
use crate::query::{Filter, Query};
use crate::store::{
    LogId, LogInfo, Row, Start, Store, StoreError, StoreErrorKind, first_of, number_of,
};

/// The error code of an event that completes an operation in the place of who ran it.
const ORPHANED: &str = "audit.orphaned";

/// How many operations are over before it is noted how far that came.
const NOTED_AFTER: usize = 1_000;

/// Notes that are looked at, at a start.
const NOTES: u32 = 50;

/// Entries of one look.
const PAGE: u32 = 500;

pub(crate) struct Reconciler {
    store: Arc<dyn Store>,
    intake: Arc<Intake>,
    queue: WeakSender<Accepted>,
    lifecycle: Lifecycle,
    /// How long an operation may take.
    orphaned_after: Duration,
    /// How long a call of the store may take.
    deadline: Duration,
    /// The logs in which recorders speak of themselves: the one that takes entries, and those for which it goes on.
    own: Vec<LogId>,
    /// What is known of the logs, by their names. None before the first look.
    logs: Option<BTreeMap<String, Known>>,
    /// Operations that have begun and are not completed, as far as that was seen, by the ids of those events.
    open: BTreeMap<Uuid, Open>,
    /// Operations that were closed, and those that were seen to be over, since that was noted.
    closed: usize,
    over: usize,
}

/// How far a log is known.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The index up to which all that began was seen.
    begun: u64,
    /// The index up to which all that completes something was seen.
    completed: u64,
    /// What was noted last: the index before which all are over.
    noted: u64,
}

#[derive(Debug)]
struct Open {
    log: LogInfo,
    index: u64,
    boot: Uuid,
    recorded_at: DateTime<Utc>,
    /// Whether its completion is on its way from here.
    is_closed: bool,
}

impl Reconciler {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        intake: Arc<Intake>,
        queue: WeakSender<Accepted>,
        lifecycle: Lifecycle,
        orphaned_after: Duration,
        deadline: Duration,
    ) -> Self {
        let (own, logs, open, closed, over) = (Vec::new(), None, BTreeMap::new(), 0, 0);
        Self {
            store,
            intake,
            queue,
            lifecycle,
            orphaned_after,
            deadline,
            own,
            logs,
            open,
            closed,
            over,
        }
    }

    /// Looks as often as recorders give a sign of life. Goes on until it is dropped.
    pub(crate) async fn run(mut self) {
        // Those that start together do not look together, and one that stops at once does not look at all.
        let [share, ..] = random();
        sleep(self.lifecycle.heartbeat / 2 * (u32::from(share) + 1) / 256).await;
        loop {
            // How an operation ended may stand in the spool; and while a log takes nothing, nobody's sign of life comes.
            if self.intake.spooled() == 0
                && !self.intake.meter().is_behind()
                && let Err(error) = self.look().await
            {
                let error = error_text(&error);
                tracing::warn!(
                    error,
                    "audit log: could not look for operations that nobody completes"
                );
            }
            sleep(self.lifecycle.heartbeat).await;
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let mut logs = self.in_time(self.store.logs()).await?;
        let prefix = format!("{}/", self.intake.names().base());
        logs.retain(|log| log.origin.starts_with(&prefix));
        let own = self.intake.names().of_class(AUDIT_CLASS);
        let (mut own, logs): (Vec<_>, Vec<_>) =
            logs.into_iter().partition(|log| *first_of(&log.origin) == *own.origin);
        own.sort_by_key(|log| Reverse(number_of(&log.origin)));
        self.own = own.iter().map(|log| log.id).collect();
        if self.logs.is_none() {
            self.logs = Some(self.noted().await?);
        }
        // A completion comes behind what it completes, which may be in another log: it is looked for in what was there before.
        let earlier = self.sizes(&logs).await?;
        let sizes = self.sizes(&logs).await?;
        for (log, size) in logs.iter().zip(&sizes) {
            let from = self.known(log).begun;
            for row in self.found(log, Query::new().begun(), from, *size).await? {
                if let (Some(columns), Some(stamp)) = (&row.columns, Stamp::of(&row.canon)) {
                    let open = Open {
                        log: log.clone(),
                        index: row.index,
                        boot: stamp.boot,
                        recorded_at: row.recorded_at.unwrap_or_default(),
                        is_closed: false,
                    };
                    self.open.insert(columns.event_id, open);
                }
            }
            self.known(log).begun = *size;
        }
        for (log, size) in logs.iter().zip(&earlier) {
            let from = self.known(log).completed;
            for row in self.found(log, Query::new().completing(), from, *size).await? {
                if let Some(completed) = completed_by(&row)
                    && let Some(open) = self.open.remove(&completed)
                {
                    self.over += 1;
                    self.closed += usize::from(open.is_closed);
                }
            }
            self.known(log).completed = *size;
        }
        self.close_orphans(&logs).await?;
        self.note(&logs).await;
        Ok(())
    }

    /// How many entries logs have. One that cannot be read has no more than before: it is in no other's way.
    async fn sizes(&mut self, logs: &[LogInfo]) -> Result<Vec<u64>, StoreError> {
        let mut sizes = Vec::with_capacity(logs.len());
        for log in logs {
            sizes.push(match self.in_time(self.store.head(log.id)).await {
                Ok(head) => head.frontier.size(),
                Err(error) if error.kind() == StoreErrorKind::Damaged => 0,
                Err(error) => return Err(error),
            });
        }
        Ok(sizes)
    }

    /// What a query finds from an index on, below another.
    async fn found(
        &self,
        log: &LogInfo,
        query: Query,
        from: u64,
        before: u64,
    ) -> Result<Vec<Row>, StoreError> {
        let (filter, mut found, mut before) = (query.filter(), Vec::new(), before);
        while before > from {
            let search = self.store.search(log.id, &filter, Start::Before(before), PAGE);
            let rows = self.in_time(search).await?;
            let Some(last) = rows.last() else {
                break;
            };
            before = last.index;
            found.extend(rows.into_iter().filter(|row| row.index >= from));
        }
        Ok(found)
    }

    async fn close_orphans(&mut self, logs: &[LogInfo]) -> Result<(), StoreError> {
        let mut is_dead = BTreeMap::new();
        let mut orphans = Vec::new();
        for (id, open) in self.open.iter().filter(|(_, open)| !open.is_closed) {
            let why = if self.is_older(open.recorded_at, self.orphaned_after) {
                format!("it was not completed within {:?}", self.orphaned_after)
            } else {
                let dead = match is_dead.get(&open.boot) {
                    Some(dead) => *dead,
                    None => self.is_dead(open.boot).await?,
                };
                is_dead.insert(open.boot, dead);
                if !dead {
                    continue;
                }
                "the process that ran it is no more".to_owned()
            };
            orphans.push((*id, why));
        }
        for (id, why) in orphans {
            if self.is_completed(id, logs).await? {
                self.open.remove(&id);
                self.over += 1;
            } else {
                self.close(id, why).await?;
            }
        }
        Ok(())
    }

    /// Whether something completes an operation, in whatever log, and however long ago.
    async fn is_completed(&self, id: Uuid, logs: &[LogInfo]) -> Result<bool, StoreError> {
        let completion = Query::new().completes(id).filter();
        for log in logs {
            let search = self.store.search(log.id, &completion, Start::END, 1);
            if !self.in_time(search).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn close(&mut self, id: Uuid, why: String) -> Result<(), StoreError> {
        let Some(open) = self.open.get_mut(&id) else {
            return Ok(());
        };
        let (log, index) = (open.log.clone(), open.index);
        let rows = in_time(self.deadline, self.store.read(log.id, index, 1)).await?;
        let begun: Option<Value> =
            rows.first().and_then(|row| serde_json::from_slice(&row.canon).ok());
        let event = begun.map(|begun| completed(&begun, id));
        let event = event.map(|event| event.error(ErrorInfo::new(why).code(ORPHANED)));
        let event = event.map(|event| event.seal(self.intake.clock()));
        // It is over for this recorder, also where there is nothing that could be closed, or nothing of its own.
        open.is_closed = true;
        let origin = first_of(&log.origin);
        if let Some(event) = event
            && self.intake.names().is_of(origin, event.class())
        {
            let class = event.class().into();
            self.send(LogName { origin: origin.into(), class }, event).await;
        } else {
            self.open.remove(&id);
        }
        Ok(())
    }

    /// Notes how far operations are over, if there is something to note.
    async fn note(&mut self, logs: &[LogInfo]) {
        if self.closed == 0 && self.over < NOTED_AFTER {
            return;
        }
        let mut changed = BTreeMap::new();
        for log in logs {
            let Known { begun, noted, .. } = *self.known(log);
            let open = self.open.values().filter(|open| open.log == *log);
            let up_to = open.map(|open| open.index).min().unwrap_or(begun);
            if up_to > noted {
                changed.insert(log.origin.clone(), up_to);
            }
        }
        let changed: Vec<_> = changed.into_iter().collect();
        for up_to in changed.chunks(LOGS_OF_ONE) {
            let up_to: BTreeMap<_, _> = up_to.iter().cloned().collect();
            let note = EventBuilder::new("audit.reconciled").metadata("closed", self.closed);
            let note = note.metadata("up_to", json!(up_to)).close(self.intake.clock());
            self.send(self.intake.names().of(&note), note).await;
            self.closed = 0;
        }
        for (log, up_to) in changed {
            self.logs.get_or_insert_default().entry(log).or_default().noted = up_to;
        }
        self.over = 0;
    }

    fn known(&mut self, log: &LogInfo) -> &mut Known {
        self.logs.get_or_insert_default().entry(log.origin.clone()).or_default()
    }

    /// Whether a process has stopped, or was silent for too long.
    async fn is_dead(&self, boot: Uuid) -> Result<bool, StoreError> {
        if boot == self.intake.producer().boot() {
            return Ok(false);
        }
        let of_boot = Query::new().label("boot", &boot.to_string());
        let started = of_boot.clone().action("audit.started").filter();
        let (last, started) = (self.said(&of_boot.filter()).await?, self.said(&started).await?);
        let Some(last) = last else {
            return Ok(false);
        };
        let beat = started.as_ref().and_then(|row| metadata(&row.canon));
        let beat = beat.map_or(self.lifecycle.heartbeat, |Started { heartbeat_ms }| {
            Duration::from_millis(heartbeat_ms)
        });
        let stopped = last.columns.as_ref().is_some_and(|row| row.action == "audit.stopped");
        let seen = last.recorded_at.unwrap_or_default();
        Ok(stopped || self.is_older(seen, beat.saturating_mul(MISSED_BEATS)))
    }

    fn is_older(&self, at: DateTime<Utc>, age: Duration) -> bool {
        let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
        self.intake.clock().now().signed_duration_since(at) > age
    }

    /// How far others have come.
    async fn noted(&self) -> Result<BTreeMap<String, Known>, StoreError> {
        let notes = Query::new().action("audit.reconciled").filter();
        let mut found = Vec::new();
        for log in &self.own {
            found.extend(self.in_time(self.store.search(*log, &notes, Start::END, NOTES)).await?);
        }
        let mut logs: BTreeMap<String, Known> = BTreeMap::new();
        for note in &found {
            let Some(Reconciled { up_to }) = metadata(&note.canon) else {
                continue;
            };
            for (log, index) in up_to {
                let known = logs.entry(log).or_default();
                known.noted = known.noted.max(index);
                (known.begun, known.completed) = (known.noted, known.noted);
            }
        }
        Ok(logs)
    }

    /// The last of what recorders say of themselves that a filter finds.
    async fn said(&self, filter: &Filter) -> Result<Option<Row>, StoreError> {
        for log in &self.own {
            let found = self.in_time(self.store.search(*log, filter, Start::END, 1)).await?;
            if let Some(last) = found.into_iter().next() {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        in_time(self.deadline, call).await
    }

    async fn send(&self, log: LogName, event: Event) {
        let Some(queue) = self.queue.upgrade() else {
            return;
        };
        if let Ok(slot) = queue.reserve_owned().await {
            self.intake.begun();
            let number = self.intake.number_in(&log);
            self.intake.send(slot, Accepted::new(log, Content::Event(event, number), None));
        }
    }
}

/// What an entry completes.
fn completed_by(row: &Row) -> Option<Uuid> {
    let Completing { begun_id } = serde_json::from_slice(&row.canon).ok()?;
    Some(begun_id)
}

/// The completion of an operation of which no more is known than that it began. Two processes that come to this at once make
/// an event with the same id, of which the log takes one.
fn completed(begun: &Value, id: Uuid) -> EventBuilder {
    let text = |pointer| begun.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let action = text("/action").unwrap_or_default();
    let mut event = EventBuilder::new(action).outcome(Outcome::Unknown);
    event.fields.begun_id = Some(id);
    let digest = Sha256::digest([b"audit.orphaned".as_slice(), id.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    event = event.id(Builder::from_custom_bytes(bytes).into_uuid());
    let set =
        |event: EventBuilder, pointer, set: fn(EventBuilder, String) -> EventBuilder| match text(
            pointer,
        ) {
            Some(text) => set(event, text),
            None => event,
        };
    event = set(event, "/category", EventBuilder::category);
    event = set(event, "/tenant", EventBuilder::tenant);
    event = set(event, "/operation_id", EventBuilder::operation_id);
    event = set(event, "/retention", EventBuilder::retention);
    if let (Some(Ok(kind)), Some(id)) =
        (text("/actor/kind").map(|kind| kind.parse()), text("/actor/id"))
    {
        event = event.actor(Actor::new(kind, id));
    }
    match (text("/resource/type"), text("/resource/id")) {
        (Some(kind), Some(id)) => event.on(Resource::new(kind, id)),
        (Some(kind), None) => event.on(Resource::of_type(kind)),
        _ => event,
    }
}

#[derive(Deserialize)]
struct Started {
    heartbeat_ms: u64,
}

#[derive(Deserialize)]
struct Reconciled {
    up_to: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Completing {
    begun_id: Uuid,
}
