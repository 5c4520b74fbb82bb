//! What tells an audited function where it is, and the edge around it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::draft::{Draft, Operation};
use super::fallback::default_recorder;
use super::pending::lock;
use super::{Durability, Pending, Recorder};
use crate::context::{AuditContext, Facts, Informed};
use crate::event::{EventBuilder, RequestInfo, Requested};

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
    Within(Operation),
    /// Around all operations.
    Around(Arc<(Recorder, AuditContext)>),
    /// The same, where there is an edge.
    Edge(Arc<Around>),
}

/// All that is kept of what an edge is around.
pub(super) struct Around {
    pub(super) recorder: Recorder,
    facts: Facts,
    /// What is left here; nothing once it was taken.
    pub(super) held: Mutex<Option<Held>>,
    /// Whether an operation has begun here.
    has_begun: AtomicBool,
    /// What the first one says.
    pub(super) first: Mutex<Draft>,
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Around {
    pub(super) fn context(self: &Arc<Self>) -> AuditContext {
        AuditContext::at(Arc::clone(self))
    }
}

impl Requested for Around {
    fn request(&self) -> Option<&RequestInfo> {
        self.facts.request()
    }
}

impl Informed for Around {
    fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl Scope {
    pub(crate) fn new(recorder: Recorder, context: AuditContext) -> Self {
        Self::at(Place::Around(Arc::new((recorder, context))))
    }

    pub(super) fn within(operation: Operation) -> Self {
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
            Place::Within(operation) => operation.recorder(),
            Place::Around(around) => &around.0,
            Place::Edge(edge) => &edge.recorder,
        })
    }

    pub(super) fn context(&self) -> AuditContext {
        match &self.place {
            Place::Within(operation) => operation.context(),
            Place::Around(around) => around.1.clone(),
            Place::Edge(edge) => edge.context(),
        }
    }

    /// The event within which this is.
    pub(super) fn parent(&self) -> Option<Uuid> {
        match &self.place {
            Place::Within(operation) => Some(operation.id()),
            Place::Around(_) | Place::Edge(_) => None,
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
            Place::Edge(edge) if self.is_at_edge => Some(edge),
            _ => None,
        }
    }

    /// The same, if what begins here now is the first there.
    pub(super) fn first_at_edge(&self) -> Option<&Arc<Around>> {
        let has_begun = |edge: &Around| edge.has_begun.swap(true, Ordering::Relaxed);
        self.edge().filter(|edge| self.named.is_none() && !has_begun(edge))
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

/// Runs something that no operation's event hears.
pub(crate) fn unheard<R>(run: impl FnOnce() -> R) -> R {
    let _unheard = Unheard(set_heard(false));
    run()
}

/// Puts back whether there was somebody who heard.
struct Unheard(Option<bool>);

impl Drop for Unheard {
    fn drop(&mut self) {
        self.0.and_then(set_heard);
    }
}

/// Says whether the operation here hears what is said, and gives what was said of that before; nothing where this is nowhere.
fn set_heard(is_heard: bool) -> Option<bool> {
    let set = |scope: &mut Scope| std::mem::replace(&mut scope.is_heard, is_heard);
    CURRENT.try_with(|current| current.borrow_mut().as_mut().map(set)).ok().flatten()
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
    /// The event has been delivered already: the function panicked, or was dropped, and somebody else has made the answer of that.
    Left,
    /// The event has been delivered already, by somebody who did not wait for the answer; or was taken before.
    Finished,
    /// The event, with this action, is in a transaction of the application's, as that of an operation that went well. It will
    /// be in the log if that was committed.
    Posted(Cow<'static, str>),
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
    /// An edge around an operation whose events go to `recorder`. Its [context](Self::context) begins with the facts of
    /// `context`, as they are now, and with those of the request, if there is one.
    #[must_use]
    pub fn new(recorder: Recorder, context: &AuditContext, request: Option<RequestInfo>) -> Self {
        let began = recorder.clock().elapsed();
        let around = Arc::new(Around {
            recorder,
            facts: Facts::of(context, request),
            held: Mutex::new(Some(Held::Nothing)),
            has_begun: AtomicBool::new(false),
            first: Mutex::default(),
        });
        let inside = Scope::at(Place::Edge(Arc::clone(&around)));
        Self { around, scope: Some(Scope { is_at_edge: true, ..inside }), began }
    }

    /// Whether what runs here does so within the operation whose context this is, and not in a scope of its own with that context.
    #[must_use]
    pub fn is_around(context: &AuditContext) -> bool {
        let is_it =
            |scope: Scope| !matches!(scope.place, Place::Around(_)) && scope.context().is(context);
        Scope::current().is_some_and(is_it)
    }

    /// Runs a piece of the operation (one poll of its future) inside.
    pub fn enter<R>(&mut self, run: impl FnOnce() -> R) -> R {
        enter(&mut self.scope, run)
    }

    /// Runs the last piece, as where its future is dropped. What begins in it is not what was asked for: from here on,
    /// events are finished by themselves.
    pub fn enter_last<R>(&mut self, run: impl FnOnce() -> R) -> R {
        if let Some(scope) = &mut self.scope {
            scope.is_at_edge = false;
        }
        self.enter(run)
    }

    /// The facts of the operation.
    #[must_use]
    pub fn context(&self) -> AuditContext {
        self.around.context()
    }

    /// The inside of this edge for what is not the operation itself: what is looked up before it, or its body, that goes on when it
    /// has been answered. Events there are finished by themselves.
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
        Scope::at(Place::Edge(Arc::clone(&self.around)))
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // Tasks may be here for longer.
        drop(self.take());
    }
}

/// Where events go that are not left to the edge; see [`Edge::inside`].
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
