//! What tells an audited function where it is, and the edge around it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::draft::Draft;
use super::fallback::default_recorder;
use super::pending::lock;
use super::{Durability, Pending, Recorder};
use crate::context::AuditContext;
use crate::event::EventBuilder;

thread_local! {
    /// Where that is what runs on this thread now: each poll of a task sets it, and puts back what was there.
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Where events of the current task go, and what they have in common.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) recorder: Recorder,
    pub(crate) context: AuditContext,
    /// The event within which this task runs.
    pub(crate) parent: Option<Uuid>,
    /// What that event says so far; not in a task of its own, which the operation need not outlive.
    pub(super) current: Option<Arc<Mutex<Draft>>>,
    /// What finishes the outermost event.
    edge: Option<AtEdge>,
}

impl Scope {
    pub(super) fn new(recorder: Recorder, context: AuditContext) -> Self {
        Self { recorder, context, parent: None, current: None, edge: None }
    }

    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    /// Where an operation that begins here is recorded: by the recorder that it names, by that of the context
    /// around it, or by the default one.
    pub(crate) fn find(named: Option<Recorder>) -> Option<Self> {
        match (Self::current(), named) {
            (Some(scope), None) => Some(scope),
            (Some(scope), Some(recorder)) => Some(Self { recorder, ..scope }),
            (None, named) => {
                let recorder = named.or_else(default_recorder)?;
                Some(Self::new(recorder, AuditContext::new()))
            }
        }
    }

    /// Hands the outermost event over to the edge around it; and gives the scope within the event.
    pub(crate) fn within(self, pending: Pending) -> (Pending, Self) {
        let inner =
            Self { parent: Some(pending.id()), current: pending.shared(), edge: None, ..self };
        match self.edge {
            Some(edge) => (pending.at(edge), inner),
            None => (pending, inner),
        }
    }

    /// The same place, for what is to be heard by no operation's event.
    pub(crate) fn unheard(self) -> Self {
        Self { current: None, ..self }
    }

    /// The same place, for a task of its own, which nothing here waits for.
    pub(super) fn apart(self) -> Self {
        Self { current: None, edge: None, ..self }
    }

    pub(crate) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        // Where the thread is being taken down, what runs does so all the same, though it is nowhere.
        let outer = CURRENT.try_with(|current| current.replace(Some(self.clone())));
        let _outer = outer.ok().map(Outer);
        run()
    }
}

/// What there was before, and will be again.
struct Outer(Option<Scope>);

impl Drop for Outer {
    fn drop(&mut self) {
        let outer = self.0.take();
        // What was here is dropped when nothing is borrowed any more.
        let _inner = CURRENT.try_with(|current| current.replace(outer));
    }
}

/// The place where an operation enters and leaves, such as a layer around a request handler.
///
/// It knows how the operation was answered, which the audited function inside cannot. So the outermost
/// event inside is not delivered by the function but left here, and whoever holds the edge
/// [takes](Self::take) and finishes it.
#[derive(Debug)]
pub struct Edge {
    scope: Scope,
    held: AtEdge,
    began: (DateTime<Utc>, Duration),
}

/// What an edge holds when the operation has been answered.
#[derive(Debug)]
pub enum Held {
    /// No audited function has run.
    Nothing,
    /// The event has been delivered already: the function panicked, or was dropped.
    Finished,
    /// The event is in a transaction of the application's, as that of an operation that went well. It will
    /// be in the log if that was committed.
    Posted,
    /// The event, to be finished.
    Waiting(Pending),
}

impl Held {
    /// Whether no other event may take its place.
    pub(super) fn must_be_waited_for(&self) -> bool {
        matches!(self, Self::Waiting(pending) if pending.durability() != Durability::Buffered)
    }
}

/// What is left at an edge; nothing once it was taken.
pub(super) type AtEdge = Arc<Mutex<Option<Held>>>;

impl Edge {
    /// An edge around an operation whose events go to `recorder`, with the facts of `context`.
    #[must_use]
    pub fn new(recorder: Recorder, context: AuditContext) -> Self {
        let held = Arc::new(Mutex::new(Some(Held::Nothing)));
        let edge = Some(Arc::clone(&held));
        let began = (recorder.clock().now(), recorder.clock().elapsed());
        Self { scope: Scope { edge, ..Scope::new(recorder, context) }, held, began }
    }

    /// Runs a piece of the operation (one poll of its future) inside.
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        self.scope.enter(run)
    }

    /// The facts of the operation.
    #[must_use]
    pub fn context(&self) -> &AuditContext {
        &self.scope.context
    }

    /// The inside of this edge for what goes on when the operation has been answered, such as its body.
    /// Events there are finished by themselves.
    #[must_use]
    pub fn inside(&self) -> Inside {
        Inside { scope: Scope { edge: None, ..self.scope.clone() } }
    }

    /// Takes what there is to finish. Events that end later are finished by themselves.
    #[must_use]
    pub fn take(&self) -> Held {
        lock(&self.held).take().unwrap_or(Held::Finished)
    }

    /// An event about the operation itself, for when no audited function has run: it began when the
    /// edge was made.
    pub fn event(&self, event: EventBuilder) -> Pending {
        let (at, begun) = self.began;
        let pending =
            self.enter(|| Pending::begun_at(&self.scope.recorder, event.occurred_at(at), begun));
        pending.by_default()
    }
}

/// Where events of an operation go after it has been answered; see [`Edge::inside`].
#[derive(Debug)]
pub struct Inside {
    scope: Scope,
}

impl Inside {
    /// Runs a piece of what goes on.
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        self.scope.enter(run)
    }
}
