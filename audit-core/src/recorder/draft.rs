//! What the event of an operation says so far: shared by the operation and what runs within it.

use std::borrow::Cow;
use std::sync::Mutex;
use std::time::Duration;

use uuid::Uuid;

use super::pending::lock;
use super::scope::Scope;
use super::{NotRecorded, Recorder, Refusal};
use crate::context::AuditContext;
use crate::event::{Event, EventBuilder, Outcome, new_id};
use crate::store::Outbox;

#[derive(Debug)]
pub(crate) struct Draft {
    /// Missing while something is added, and where that panicked.
    event: Option<EventBuilder>,
    pub(super) action: Cow<'static, str>,
    pub(super) id: Uuid,
    context: Option<AuditContext>,
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

impl Draft {
    /// Gives an event an id, a time, and its place in the current context.
    pub(super) fn begin(recorder: &Recorder, mut event: EventBuilder) -> Self {
        let scope = Scope::current();
        let now = recorder.clock().now();
        event.fields.occurred_at.get_or_insert(now);
        let id = *event.fields.id.get_or_insert_with(|| new_id(now));
        event.fields.parent_id =
            event.fields.parent_id.or(scope.as_ref().and_then(|scope| scope.parent));
        let begun = Some(recorder.clock().elapsed());
        let context = scope.map(|scope| scope.context);
        Self {
            action: event.fields.action.clone(),
            event: Some(event),
            id,
            context,
            begun,
            tried: None,
            posted: false,
            discarded: false,
            is_announced: false,
            closed: false,
        }
    }

    /// Closes the event of something that has no duration.
    pub(super) fn untimed(mut self, recorder: &Recorder) -> Event {
        self.begun = None;
        self.close(recorder)
    }

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
    pub(super) fn announce(&mut self, recorder: &Recorder) -> Event {
        let id = new_id(recorder.clock().now());
        let mut event = self.take();
        let mut begun = event.clone().id(id);
        begun.fields.is_begun = true;
        event.fields.begun_id = Some(id);
        self.event = Some(event);
        self.is_announced = true;
        if let Some(context) = &self.context {
            begun = context.fill(begun);
        }
        begun.seal(recorder.clock())
    }

    /// Closes the event that is to be delivered. Where another one is in a transaction, which may be
    /// committed or rolled back, this one stands beside it, and names it.
    pub(super) fn close(&mut self, recorder: &Recorder) -> Event {
        let event = self.take();
        let event = match self.tried {
            Some(tried) => event
                .id(new_id(recorder.clock().now()))
                .metadata("event_in_transaction", tried.to_string()),
            None => event,
        };
        self.closed = true;
        self.complete(recorder, event)
    }

    fn complete(&self, recorder: &Recorder, mut event: EventBuilder) -> Event {
        if let Some(begun) = self.begun {
            event = event.duration(recorder.clock().elapsed().saturating_sub(begun));
        }
        if let Some(context) = &self.context {
            event = context.fill(event);
        }
        event.seal(recorder.clock())
    }

    /// The event of an operation that went well, as far as it has come; nothing where it is over, or a denial. A further
    /// one has an id of its own: a transaction that was rolled back may be tried again, and one that was not,
    /// too.
    fn success(&mut self, recorder: &Recorder) -> Option<Event> {
        if self.closed || self.outcome() == Some(Outcome::Denied) {
            return None;
        }
        let mut event = self.event.clone()?.outcome(Outcome::Success);
        if self.tried.is_some() {
            event = event.id(new_id(recorder.clock().now()));
        }
        let event = self.complete(recorder, event);
        (self.tried, self.posted) = (Some(event.id()), false);
        Some(event)
    }
}

/// Writes an event into a transaction of the application's, as that of an operation that went well.
pub(super) async fn post(
    draft: &Mutex<Draft>,
    recorder: &Recorder,
    transaction: &mut impl Outbox,
) -> Result<Uuid, NotRecorded> {
    let event = lock(draft).success(recorder);
    let event = event.ok_or(NotRecorded::NotInTransaction(Refusal::NoOperation))?;
    let id = recorder.post(transaction, &event).await?;
    lock(draft).posted = true;
    Ok(id)
}
