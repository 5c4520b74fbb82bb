//! The task-local that tells an audited function where it is, and the edge around it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::draft::Draft;
use super::fallback::default_recorder;
use super::{Pending, Recorder};
use crate::context::AuditContext;
use crate::event::EventBuilder;

tokio::task_local! {
    static CURRENT: Scope;
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
    edge: Option<Arc<Mutex<Held>>>,
}

impl Scope {
    fn new(recorder: Recorder, context: AuditContext, edge: Option<Arc<Mutex<Held>>>) -> Self {
        Self { recorder, context, parent: None, current: None, edge }
    }

    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Where an operation that begins here is recorded: by the recorder that it names, by that of the context
    /// around it, or by the default one.
    pub(crate) fn find(named: Option<Recorder>) -> Option<Self> {
        match (Self::current(), named) {
            (Some(scope), None) => Some(scope),
            (Some(scope), Some(recorder)) => Some(Self { recorder, ..scope }),
            (None, named) => {
                let recorder = named.or_else(default_recorder)?;
                Some(Self::new(recorder, AuditContext::new(), None))
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

    pub(crate) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self.clone(), run)
    }
}

impl AuditContext {
    /// Runs a future within this context: audited functions in it record to `recorder`, with the facts
    /// of this context.
    ///
    /// Safe to drop: the future is dropped with it.
    ///
    /// ```
    /// # use audit_core::{AuditContext, Event, Query, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// let nightly = AuditContext::system("nightly-import");
    /// nightly.scope(&recorder, async {
    ///     // Not `tokio::spawn`, which knows nothing of the context.
    ///     audit_core::spawn(import(recorder.clone())).await
    /// }).await?;
    /// # let page = recorder.reader().search(&Query::new().actor("nightly-import")).await?;
    /// # assert_eq!(page.entries.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # async fn import(recorder: Recorder) {
    /// #     recorder.record_durable(Event::builder("import.run")).await.ok();
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn scope<F: Future>(&self, recorder: &Recorder, future: F) -> F::Output {
        CURRENT.scope(Scope::new(recorder.clone(), self.clone(), None), future).await
    }
}

/// Spawns a task that runs in the current context. (A task spawned by other means has none.)
///
/// Events within it have the current event as their parent, and are finished by themselves: an edge does
/// not wait for tasks.
///
/// # Panics
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let scope = Scope::current();
    #[expect(clippy::disallowed_methods, reason = "the caller owns the task")]
    tokio::spawn(async move {
        match scope {
            Some(scope) => {
                CURRENT.scope(Scope { current: None, edge: None, ..scope }, future).await
            }
            None => future.await,
        }
    })
}

/// The place where an operation enters and leaves, such as a layer around a request handler.
///
/// It knows how the operation was answered, which the audited function inside cannot. So the outermost
/// event inside is not delivered by the function but left here, and whoever holds the edge
/// [takes](Self::take) and finishes it.
#[derive(Debug)]
pub struct Edge {
    scope: Scope,
    held: Arc<Mutex<Held>>,
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

impl Edge {
    /// An edge around an operation whose events go to `recorder`, with the facts of `context`.
    #[must_use]
    pub fn new(recorder: Recorder, context: AuditContext) -> Self {
        let held = Arc::new(Mutex::new(Held::Nothing));
        let edge = Some(Arc::clone(&held));
        let began = (recorder.clock().now(), recorder.clock().elapsed());
        Self { scope: Scope::new(recorder, context, edge), held, began }
    }

    /// Runs a piece of the operation (one poll of its future) inside.
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        self.scope.enter(run)
    }

    /// The inside of this edge for what goes on when the operation has been answered, such as its body.
    /// Events there are finished by themselves.
    #[must_use]
    pub fn inside(&self) -> Inside {
        Inside { scope: Scope { edge: None, ..self.scope.clone() } }
    }

    /// Takes what there is to finish.
    #[must_use]
    pub fn take(&self) -> Held {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut held, Held::Finished)
    }

    /// An event about the operation itself, for when no audited function has run: it began when the
    /// edge was made.
    pub fn event(&self, event: EventBuilder) -> Pending {
        let (at, begun) = self.began;
        self.enter(|| Pending::begun_at(&self.scope.recorder, event.occurred_at(at), begun))
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
