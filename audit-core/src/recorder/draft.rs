//! What the event of an operation says so far: shared by the operation and what runs within it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use uuid::Uuid;

use super::pending::lock;
use super::scope::{Around, Scope};
use super::{NotRecorded, Recorder, Refusal};
use crate::context::AuditContext;
use crate::event::{Event, EventBuilder, Outcome, new_id};
use crate::store::Outbox;

/// An operation that has begun, as all that runs within it knows it. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// The first one at an edge, which mostly is the only one, in one piece with that.
    First(Arc<Around>),
    Further(Arc<Further>),
}

#[derive(Debug)]
pub(super) struct Further {
    recorder: Recorder,
    context: AuditContext,
    draft: Mutex<Draft>,
}

/// What its event says so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Missing while something is added, and where that panicked.
    event: Option<EventBuilder>,
    pub(super) action: Cow<'static, str>,
    /// The id of the event.
    id: Uuid,
    /// On the clock's steady scale; missing where the operation's duration means nothing.
    pub(super) begun: Option<Duration>,
    /// The event that was last written into a transaction of the application's, as that of an operation
    /// that went well; or may have been, where the writing was dropped. Whether it is there for good is known to
    /// the one who commits.
    tried: Option<Uuid>,
    /// Whether it was written, for all that the database said.
    pub(super) posted: bool,
    /// Whether the operation is not worth an entry if it goes well.
    pub(super) discarded: bool,
    /// Whether the log says already that the operation begins.
    is_announced: bool,
    /// Whether the operation is over.
    closed: bool,
}

impl Operation {
    /// Gives an event what its action says, an id, a time, and its parent.
    pub(super) fn begin(scope: &Scope, event: EventBuilder) -> Self {
        let recorder = scope.recorder();
        let mut event = recorder.shared.catalogue.complete(event);
        let clock = recorder.clock();
        let now = clock.now();
        let fields = &mut *event.fields;
        fields.occurred_at.get_or_insert(now);
        let id = *fields.id.get_or_insert_with(|| new_id(now));
        fields.parent_id = fields.parent_id.or(scope.parent());
        let draft = Draft {
            action: fields.action.clone(),
            event: Some(event),
            id,
            begun: Some(clock.elapsed()),
            ..Draft::default()
        };
        match scope.first_at_edge() {
            Some(edge) => {
                *lock(&edge.first) = draft;
                Self::First(Arc::clone(edge))
            }
            None => {
                let (recorder, context) = (recorder.clone(), scope.context());
                Self::Further(Arc::new(Further { recorder, context, draft: Mutex::new(draft) }))
            }
        }
    }

    pub(super) fn recorder(&self) -> &Recorder {
        match self {
            Self::First(edge) => &edge.recorder,
            Self::Further(further) => &further.recorder,
        }
    }

    pub(super) fn context(&self) -> AuditContext {
        match self {
            Self::First(edge) => edge.context(),
            Self::Further(further) => further.context.clone(),
        }
    }

    /// The id of its event.
    pub(super) fn id(&self) -> Uuid {
        self.draft().id
    }

    pub(super) fn draft(&self) -> MutexGuard<'_, Draft> {
        lock(match self {
            Self::First(edge) => &edge.first,
            Self::Further(further) => &further.draft,
        })
    }

    /// The event that says that the operation begins.
    pub(super) fn announce(&self) -> Event {
        let begun = self.draft().announce(self.recorder());
        self.seal(begun)
    }

    /// Closes the event that is to be delivered.
    pub(super) fn close(&self) -> Event {
        let event = self.draft().close(self.recorder());
        self.seal(event)
    }

    /// Closes the event of something that has no duration.
    pub(super) fn untimed(self) -> Event {
        self.draft().begun = None;
        self.close()
    }

    /// Writes the event, as that of an operation that went well, into a transaction of the application's.
    pub(super) async fn post(&self, transaction: &mut impl Outbox) -> Result<Uuid, NotRecorded> {
        let event = self.draft().success(self.recorder());
        let event = event.ok_or(NotRecorded::NotInTransaction(Refusal::NoOperation))?;
        let event = self.seal(event);
        let id = self.recorder().post(transaction, &event).await?;
        self.draft().posted = true;
        Ok(id)
    }

    /// The facts of the context come last: of them the event takes those that it does not say itself.
    fn seal(&self, event: EventBuilder) -> Event {
        self.context().fill(event).seal(self.recorder().clock())
    }
}

impl Draft {
    /// What is said so far; where saying it panicked, that is lost.
    fn take(&mut self) -> EventBuilder {
        let bare = || EventBuilder::new(self.action.clone()).id(self.id);
        self.event.take().unwrap_or_else(bare)
    }

    pub(super) fn add(&mut self, add: impl FnOnce(EventBuilder) -> EventBuilder) {
        let event = self.take();
        self.event = Some(add(event));
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.event.as_ref()?.fields.outcome
    }

    pub(super) fn own_actor(&self) -> Option<&str> {
        Some(self.event.as_ref()?.fields.actor.as_ref()?.id())
    }

    /// The id that [`close`](Self::close) leaves to the event.
    pub(super) fn delivered_id(&self) -> Option<Uuid> {
        let is_it = self.tried.is_none() && !self.is_discarded();
        is_it.then_some(self.id)
    }

    fn went_well(&self) -> bool {
        self.outcome() == Some(Outcome::Success)
    }

    /// Whether a transaction of the application's holds all that there is to say.
    pub(super) fn is_posted(&self) -> bool {
        self.posted && self.went_well()
    }

    /// Whether nothing is to be said. What has begun in the log is completed there.
    pub(super) fn is_discarded(&self) -> bool {
        self.discarded && self.went_well() && !self.is_announced
    }

    /// The event that says that the operation begins. The one that will complete it names it.
    fn announce(&mut self, recorder: &Recorder) -> EventBuilder {
        let id = new_id(recorder.clock().now());
        let mut event = self.take();
        let mut begun = event.clone().id(id);
        begun.fields.is_begun = true;
        event.fields.begun_id = Some(id);
        self.event = Some(event);
        self.is_announced = true;
        begun
    }

    /// The event that is to be delivered. Where another one is in a transaction, which may be
    /// committed or rolled back, this one stands beside it, and names it.
    fn close(&mut self, recorder: &Recorder) -> EventBuilder {
        let event = self.take();
        let event = match self.tried {
            Some(tried) => event
                .id(new_id(recorder.clock().now()))
                .metadata("event_in_transaction", tried.to_string()),
            None => event,
        };
        self.closed = true;
        self.timed(recorder, event)
    }

    /// The event of an operation that went well, as far as it has come; nothing where it is over, or a denial. A further
    /// one has an id of its own: a transaction that was rolled back may be tried again, and one that was not,
    /// too.
    fn success(&mut self, recorder: &Recorder) -> Option<EventBuilder> {
        if self.closed || self.outcome() == Some(Outcome::Denied) {
            return None;
        }
        let event = self.event.clone()?.outcome(Outcome::Success);
        let id = if self.tried.is_some() { new_id(recorder.clock().now()) } else { self.id };
        (self.tried, self.posted) = (Some(id), false);
        Some(self.timed(recorder, event.id(id)))
    }

    fn timed(&self, recorder: &Recorder, event: EventBuilder) -> EventBuilder {
        match self.begun {
            Some(begun) => event.duration(recorder.clock().elapsed().saturating_sub(begun)),
            None => event,
        }
    }
}
