//! Operations that have begun and that nobody completes any more: closed, with an outcome that nobody knows.
//!
//! A process that is killed cannot say how its strict operations ended. Another one finds what they said when they began, and
//! says so in their place; or the next one, once it is known that the first is no more.

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
use super::{Intake, Lifecycle, LogName};
use crate::event::{
    AUDIT_CLASS, Actor, ErrorInfo, Event, EventBuilder, Outcome, Resource, Stamp, error_text,
};
use crate::query::Query;
use crate::store::{LogId, LogInfo, Row, Store, StoreError};

/// The error code of an event that completes an operation in the place of who ran it.
const ORPHANED: &str = "audit.orphaned";

/// How many operations are looked at before it is noted how far that came.
const NOTED_AFTER: u64 = 1_000;

/// Logs that one note names; the others are looked through again by the next process.
const LOGS_OF_ONE: usize = 100;

/// Entries of one look.
const PAGE: u32 = 500;

pub(crate) struct Reconciler {
    store: Arc<dyn Store>,
    intake: Arc<Intake>,
    queue: WeakSender<Accepted>,
    lifecycle: Lifecycle,
    /// How long an operation may take.
    orphaned_after: Duration,
    /// The index in each log before which every operation is over. None before the first look.
    up_to: Option<BTreeMap<String, u64>>,
    /// Operations that were looked at, and those of them that were closed, since that was noted.
    seen: u64,
    closed: u64,
}

impl Reconciler {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        intake: Arc<Intake>,
        queue: WeakSender<Accepted>,
        lifecycle: Lifecycle,
        orphaned_after: Duration,
    ) -> Self {
        let up_to = None;
        Self { store, intake, queue, lifecycle, orphaned_after, up_to, seen: 0, closed: 0 }
    }

    /// Looks once, and then as often as recorders give a sign of life. Goes on until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            // How an operation ended may stand in the spool.
            if self.intake.spooled() == 0
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
        let mut up_to = match self.up_to.take() {
            Some(up_to) => up_to,
            None => self.noted().await?,
        };
        let prefix = format!("{}/", self.intake.names().base());
        for log in self.store.logs().await? {
            if log.origin.starts_with(&prefix) && log.id != self.own_log() {
                let from = up_to.get(&log.origin).copied().unwrap_or(0);
                let first_open = self.look_through(&log, from).await?;
                up_to.insert(log.origin, first_open);
            }
        }
        if self.closed > 0 || self.seen >= NOTED_AFTER {
            let logs = up_to.iter().filter(|(_, index)| **index > 0).take(LOGS_OF_ONE);
            let note = EventBuilder::new("audit.reconciled").metadata("closed", self.closed);
            let note = note.metadata("up_to", json!(logs.collect::<BTreeMap<_, _>>()));
            let note = note.close(self.intake.clock());
            self.send(self.intake.names().of(&note), note).await;
            (self.seen, self.closed) = (0, 0);
        }
        self.up_to = Some(up_to);
        Ok(())
    }

    /// Closes what is orphaned from an index on, and answers with the first operation that may yet be completed.
    async fn look_through(&mut self, log: &LogInfo, from: u64) -> Result<u64, StoreError> {
        let mut first_open = self.store.head(log.id).await?.frontier.size();
        let (begun, mut before) = (Query::new().begun().filter, None);
        let mut is_dead = BTreeMap::new();
        loop {
            let rows = self.store.search(log.id, &begun, before, PAGE).await?;
            before = rows.last().map(|row| row.index);
            for row in &rows {
                if row.index < from {
                    return Ok(first_open);
                }
                if !self.is_over(log, row, &mut is_dead).await? {
                    first_open = row.index;
                }
            }
            if before.is_none() {
                return Ok(first_open);
            }
        }
    }

    /// Whether an operation is completed, if need be by this.
    async fn is_over(
        &mut self,
        log: &LogInfo,
        row: &Row,
        is_dead: &mut BTreeMap<Uuid, bool>,
    ) -> Result<bool, StoreError> {
        let (Some(columns), Some(stamp)) = (&row.columns, Stamp::of(&row.canon)) else {
            // It was changed: that is for verification to say.
            return Ok(true);
        };
        self.seen = self.seen.saturating_add(1);
        let completion = Query::new().completes(columns.event_id).filter;
        if !self.store.search(log.id, &completion, None, 1).await?.is_empty() {
            return Ok(true);
        }
        let why = if self.is_older(row, self.orphaned_after) {
            format!("it was not completed within {:?}", self.orphaned_after)
        } else {
            let dead = match is_dead.get(&stamp.boot) {
                Some(dead) => *dead,
                None => self.is_dead(stamp.boot).await?,
            };
            is_dead.insert(stamp.boot, dead);
            if !dead {
                return Ok(false);
            }
            "the process that ran it is no more".to_owned()
        };
        if let Ok(begun) = serde_json::from_slice(&row.canon) {
            let begun: Value = begun;
            let event =
                completed(&begun, columns.event_id).error(ErrorInfo::new(why).code(ORPHANED));
            let event = event.seal(self.intake.clock());
            let class = event.class().into();
            self.send(LogName { origin: log.origin.as_str().into(), class }, event).await;
            self.closed = self.closed.saturating_add(1);
        }
        Ok(true)
    }

    /// Whether a process has stopped, or was silent for too long.
    async fn is_dead(&self, boot: Uuid) -> Result<bool, StoreError> {
        if boot == self.intake.producer().boot() {
            return Ok(false);
        }
        let of_boot = Query::new().label("boot", &boot.to_string());
        let started = of_boot.clone().action("audit.started").filter;
        let log = self.own_log();
        let last = self.store.search(log, &of_boot.filter, None, 1).await?;
        let started = self.store.search(log, &started, None, 1).await?;
        let Some(last) = last.first() else {
            return Ok(false);
        };
        let beat = started.first().and_then(|row| serde_json::from_slice(&row.canon).ok());
        let beat = beat.map_or(self.lifecycle.heartbeat, |Started { metadata }| {
            Duration::from_millis(metadata.heartbeat_ms)
        });
        let stopped = last.columns.as_ref().is_some_and(|row| row.action == "audit.stopped");
        Ok(stopped || self.is_older(last, beat.saturating_mul(3)))
    }

    fn is_older(&self, row: &Row, age: Duration) -> bool {
        let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
        let since = |at: DateTime<Utc>| self.intake.clock().now().signed_duration_since(at);
        row.recorded_at.is_some_and(|at| since(at) > age)
    }

    /// How far others have come.
    async fn noted(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let notes = Query::new().action("audit.reconciled").filter;
        let notes = self.store.search(self.own_log(), &notes, None, 1).await?;
        let note = notes.first().and_then(|row| serde_json::from_slice(&row.canon).ok());
        Ok(note.map(|Reconciled { metadata }| metadata.up_to).unwrap_or_default())
    }

    fn own_log(&self) -> LogId {
        self.intake.names().of_class(AUDIT_CLASS).id()
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
    metadata: Begun,
}

#[derive(Deserialize)]
struct Begun {
    heartbeat_ms: u64,
}

#[derive(Deserialize)]
struct Reconciled {
    metadata: UpTo,
}

#[derive(Deserialize)]
struct UpTo {
    up_to: BTreeMap<String, u64>,
}
