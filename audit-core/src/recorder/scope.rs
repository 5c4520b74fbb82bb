//! What tells an audited function where it is, and the edge around it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::draft::Operation;
use super::fallback::default_recorder;
use super::pending::lock;
use super::{Durability, Pending, Recorder};
use crate::context::AuditContext;
use crate::event::EventBuilder;

thread_local! {
    /// Where that is what runs on this thread now: each poll of a task sets it, and puts back what was there.
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Where events of the current task go, and what they have in common. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    place: Place,
    /// The recorder that was named here, in place of that of the place.
    named: Option<Recorder>,
    /// Whether the operation here hears what is said; not in a task of its own, which it need not outlive.
    is_heard: bool,
    /// Whether the outermost event is left to the edge.
    is_at_edge: bool,
}

#[derive(Debug, Clone)]
enum Place {
    Within(Arc<Operation>),
    /// Around all operations.
    Around(Arc<Around>),
}

#[derive(Debug)]
pub(super) struct Around {
    recorder: Recorder,
    context: AuditContext,
    /// What is left here, if this is an edge; nothing once it was taken.
    pub(super) held: Mutex<Option<Held>>,
}

impl Scope {
    pub(super) fn new(recorder: Recorder, context: AuditContext) -> Self {
        Self::at(Place::Around(Arc::new(Around { recorder, context, held: Mutex::new(None) })))
    }

    pub(super) fn within(operation: Arc<Operation>) -> Self {
        Self::at(Place::Within(operation))
    }

    fn at(place: Place) -> Self {
        Self { place, named: None, is_heard: true, is_at_edge: false }
    }

    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    /// Where an operation that begins here is recorded: by the recorder that it names, by that of the context
    /// around it, or by the default one.
    pub(crate) fn find(named: Option<Recorder>) -> Option<Self> {
        match (Self::current(), named) {
            (Some(scope), None) => Some(scope),
            (Some(scope), named) => Some(Self { named, ..scope }),
            (None, named) => {
                let recorder = named.or_else(default_recorder)?;
                Some(Self::new(recorder, AuditContext::new()))
            }
        }
    }

    /// Where an event stands that is handed to a recorder, and left to no edge.
    pub(super) fn of(recorder: &Recorder) -> Self {
        match Self::current() {
            Some(scope) => Self { named: Some(recorder.clone()), is_at_edge: false, ..scope },
            None => Self::new(recorder.clone(), AuditContext::new()),
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        self.named.as_ref().unwrap_or(match &self.place {
            Place::Within(operation) => &operation.recorder,
            Place::Around(around) => &around.recorder,
        })
    }

    pub(super) fn context(&self) -> &AuditContext {
        match &self.place {
            Place::Within(operation) => &operation.context,
            Place::Around(around) => &around.context,
        }
    }

    /// The event within which this is.
    pub(super) fn parent(&self) -> Option<Uuid> {
        match &self.place {
            Place::Within(operation) => Some(operation.id),
            Place::Around(_) => None,
        }
    }

    /// The operation that hears what is said here.
    pub(super) fn heard(&self) -> Option<&Operation> {
        match &self.place {
            Place::Within(operation) if self.is_heard => Some(operation),
            _ => None,
        }
    }

    /// The edge that the outermost event here is left to.
    pub(super) fn edge(&self) -> Option<&Arc<Around>> {
        match &self.place {
            Place::Around(around) if self.is_at_edge => Some(around),
            _ => None,
        }
    }

    /// The same place, for what is to be heard by no operation's event.
    pub(crate) fn unheard(self) -> Self {
        Self { is_heard: false, ..self }
    }

    /// The same place, for a task of its own, which nothing here waits for.
    pub(super) fn apart(self) -> Self {
        Self { is_heard: false, is_at_edge: false, ..self }
    }
}

/// Runs something within a scope.
pub(super) fn enter<R>(scope: &mut Option<Scope>, run: impl FnOnce() -> R) -> R {
    let _entered = Entered::into(scope);
    run()
}

/// Has put a scope in the place of the one that was there, and puts that one back.
struct Entered<'a>(&'a mut Option<Scope>);

impl<'a> Entered<'a> {
    fn into(scope: &'a mut Option<Scope>) -> Self {
        swap(scope);
        Self(scope)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(scope: &mut Option<Scope>) {
    // Where the thread is being taken down, what runs does so all the same, though it is nowhere.
    let _gone = CURRENT.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), scope));
}

/// The place where an operation enters and leaves, such as a layer around a request handler.
///
/// It knows how the operation was answered, which the audited function inside cannot. So the outermost
/// event inside is not delivered by the function but left here, and whoever holds the edge
/// [takes](Self::take) and finishes it.
#[derive(Debug)]
pub struct Edge {
    around: Arc<Around>,
    /// That of what runs inside; while that runs, the one outside.
    scope: Option<Scope>,
    /// On the clock's steady scale.
    began: Duration,
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

impl Edge {
    /// An edge around an operation whose events go to `recorder`, with the facts of `context`.
    #[must_use]
    pub fn new(recorder: Recorder, context: AuditContext) -> Self {
        let began = recorder.clock().elapsed();
        let held = Mutex::new(Some(Held::Nothing));
        let around = Arc::new(Around { recorder, context, held });
        let inside = Scope::at(Place::Around(Arc::clone(&around)));
        Self { around, scope: Some(Scope { is_at_edge: true, ..inside }), began }
    }

    /// Runs a piece of the operation (one poll of its future) inside.
    pub fn enter<R>(&mut self, run: impl FnOnce() -> R) -> R {
        enter(&mut self.scope, run)
    }

    /// The facts of the operation.
    #[must_use]
    pub fn context(&self) -> &AuditContext {
        &self.around.context
    }

    /// The inside of this edge for what goes on when the operation has been answered, such as its body.
    /// Events there are finished by themselves.
    #[must_use]
    pub fn inside(&self) -> Inside {
        Inside { scope: Some(self.off_edge()) }
    }

    /// Takes what there is to finish. Events that end later are finished by themselves.
    #[must_use]
    pub fn take(&self) -> Held {
        lock(&self.around.held).take().unwrap_or(Held::Finished)
    }

    /// An event about the operation itself, for when no audited function has run: it began when the
    /// edge was made.
    pub fn event(&self, event: EventBuilder) -> Pending {
        let clock = self.around.recorder.clock();
        let ago = clock.elapsed().saturating_sub(self.began);
        let at = TimeDelta::from_std(ago).ok().and_then(|ago| clock.now().checked_sub_signed(ago));
        let event = match at {
            Some(at) => event.occurred_at(at),
            None => event,
        };
        Pending::begun_at(&self.off_edge(), event, self.began).by_default()
    }

    fn off_edge(&self) -> Scope {
        Scope::at(Place::Around(Arc::clone(&self.around)))
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // Tasks may be here for longer.
        drop(self.take());
    }
}

/// Where events of an operation go after it has been answered; see [`Edge::inside`].
#[derive(Debug)]
pub struct Inside {
    scope: Option<Scope>,
}

impl Inside {
    /// Runs a piece of what goes on.
    pub fn enter<R>(&mut self, run: impl FnOnce() -> R) -> R {
        enter(&mut self.scope, run)
    }
}
