//! What the attribute says of a function, and how a call of it begins.

use std::any::Any;
use std::borrow::Borrow;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::appender::Refusal;
use crate::event::{Action, Actor, Event, EventBuilder, Resource, Short, Snapshot, shown};
use crate::recorder::{
    Call, NotRecorded, Place, Recorder, Scope, count_unrecorded, panicked, unheard,
};

/// What is the same for all calls of an annotated function, but for its action.
#[derive(Debug)]
pub struct Site {
    place: Place,
    is_action_checked: bool,
    resource: Option<&'static str>,
    retention: Option<&'static str>,
    is_sensitive: bool,
    is_compliance_relevant: bool,
}

impl Site {
    /// An annotated function, by file and line.
    #[must_use]
    pub const fn new(file: &'static str, line: u32) -> Self {
        Self {
            place: (file, line),
            is_action_checked: false,
            resource: None,
            retention: None,
            is_sensitive: false,
            is_compliance_relevant: false,
        }
    }

    /// The action's name is a literal, which the attribute has checked.
    #[must_use]
    pub const fn action_checked(mut self) -> Self {
        self.is_action_checked = true;
        self
    }

    /// As the attribute's argument says.
    #[must_use]
    pub const fn resource(mut self, resource: &'static str) -> Self {
        self.resource = Some(resource);
        self
    }

    /// As the attribute's argument says.
    #[must_use]
    pub const fn retention(mut self, retention: &'static str) -> Self {
        self.retention = Some(retention);
        self
    }

    /// As the attribute's argument says.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.is_sensitive = true;
        self
    }

    /// As the attribute's argument says.
    #[must_use]
    pub const fn compliance(mut self) -> Self {
        self.is_compliance_relevant = true;
        self
    }

    /// The facts of a call of which nothing more is said.
    #[must_use]
    pub fn facts(&'static self, action: Action) -> Facts {
        Facts { site: self, event: Some(self.event(action)), recorder: None }
    }

    /// The facts of a call, with what the attribute's expressions say. A panic in one of them is that of the
    /// function.
    pub fn facts_with(&'static self, action: Action, say: &mut dyn FnMut(&mut Facts)) -> Facts {
        let mut facts = self.facts(action);
        // What an expression says by itself is not said of the caller.
        match catch_unwind(AssertUnwindSafe(|| unheard(|| say(&mut facts)))) {
            Ok(()) => facts,
            Err(panic) => facts.panicked(panic),
        }
    }

    fn event(&self, action: Action) -> EventBuilder {
        let mut event = Event::builder(action);
        let fields = &mut event.fields;
        fields.is_checked = self.is_action_checked;
        fields.resource = self.resource.map(Resource::of_static_type);
        fields.retention = self.retention.map(Into::into);
        fields.is_sensitive = self.is_sensitive;
        fields.is_compliance_relevant = self.is_compliance_relevant;
        event
    }
}

/// What is known of a call before it begins.
#[derive(Debug)]
pub struct Facts {
    site: &'static Site,
    /// Missing where nothing is to be recorded.
    event: Option<EventBuilder>,
    recorder: Option<Recorder>,
}

impl Facts {
    /// `recorder = ..`
    pub fn recorder<R: Borrow<Recorder>>(&mut self, recorder: &R) {
        self.recorder = Some(recorder.borrow().clone());
    }

    /// `skip_if = ..`
    pub fn skip(&mut self) {
        self.event = None;
    }

    /// `resource_id = ..`
    pub fn resource_id<T: Display + ?Sized>(&mut self, id: &T) {
        let id = Short::of(id);
        self.add(|event| event.resource_id(id));
    }

    /// `parent(.., ..)`
    pub fn parent<T: Display + ?Sized>(&mut self, kind: &'static str, id: &T) {
        let id = shown(id);
        self.add(|event| event.resource_parent(kind, id));
    }

    /// `actor = ..`
    pub fn actor<A: Clone + Into<Arc<Actor>>>(&mut self, actor: &A) {
        let actor = actor.clone().into();
        self.add(|event| event.actor(actor));
    }

    /// `message = ".."`
    pub fn message<T: Display + ?Sized>(&mut self, message: &T) {
        let message = shown(message);
        self.add(|event| event.message(message));
    }

    /// `reason = ..`
    pub fn reason<T: Display + ?Sized>(&mut self, reason: &T) {
        let reason = shown(reason);
        self.add(|event| event.reason(reason));
    }

    /// `tags(..)`
    pub fn tag<T: Display + ?Sized>(&mut self, tag: &T) {
        let tag = shown(tag);
        self.add(|event| event.tag(tag));
    }

    /// `labels(.. = ..)`
    pub fn label<T: Display + ?Sized>(&mut self, name: &'static str, value: &T) {
        let value = shown(value);
        self.add(|event| event.label(name, value));
    }

    /// `metadata(.. = ..)`: what the value looks like by its own rules, or else to `serde`.
    pub fn metadata(&mut self, name: &'static str, value: &Snapshot) {
        self.add(|event| event.metadata_of(name, value));
    }

    /// Nothing of the user's runs within `add`: if it panicked, what was said so far would be lost.
    fn add(&mut self, add: impl FnOnce(EventBuilder) -> EventBuilder) {
        self.event = self.event.take().map(add);
    }

    /// Where the call is recorded; nothing where it is not to be, which its body knows nothing of.
    fn found(self) -> Result<(Scope, EventBuilder), Call> {
        let Some(event) = self.event else {
            return Err(Call::unheard(self.recorder));
        };
        match Scope::find(self.recorder) {
            Some(scope) => Ok((scope, event)),
            None => {
                count_unrecorded(&event.fields.action, self.site.place);
                Err(Call::default())
            }
        }
    }

    /// The same, for a function that must not run unrecorded.
    fn found_or_refused(self) -> Result<Result<(Scope, EventBuilder), Call>, NotRecorded> {
        let Some(event) = self.event else {
            return Ok(Err(Call::unheard(self.recorder)));
        };
        let scope = Scope::find(self.recorder).ok_or(NotRecorded::NotRun(Refusal::NoRecorder))?;
        scope.recorder().check(&event)?;
        Ok(Ok((scope, event)))
    }

    /// Records that the call came to a panic before it had begun.
    fn panicked(self, panic: Box<dyn Any + Send>) -> ! {
        if let Ok((scope, event)) = self.found() {
            drop(Call::begin_now(&scope, panicked(event, &*panic)));
        }
        resume_unwind(panic)
    }

    /// Begins the event of a buffered function.
    pub async fn begin(self) -> Call {
        let (scope, event) = match self.found() {
            Ok(found) => found,
            Err(call) => return call,
        };
        Call::begin(scope, event).await
    }

    /// Begins the event of a function that cannot wait.
    #[must_use]
    pub fn begin_now(self) -> Call {
        match self.found() {
            Ok((scope, event)) => Call::begin_now(&scope, event),
            Err(call) => call,
        }
    }

    /// Begins the event of a function that records in its caller's transaction: it must not run where this
    /// fails.
    pub async fn begin_in_transaction(self) -> Result<Call, NotRecorded> {
        let (scope, event) = match self.found_or_refused()? {
            Ok(found) => found,
            Err(call) => return Ok(call),
        };
        Ok(Call::begin(scope, event).await)
    }

    /// Begins the event of a durable function, which must not run where this fails.
    pub async fn begin_durable(self) -> Result<Call, NotRecorded> {
        let (scope, event) = match self.found_or_refused()? {
            Ok(found) => found,
            Err(call) => return Ok(call),
        };
        Call::begin_durable(scope, event).await
    }

    /// Begins the event of a strict function, which must not run where this fails.
    pub async fn begin_strict(self) -> Result<Call, NotRecorded> {
        let (scope, event) = match self.found_or_refused()? {
            Ok(found) => found,
            Err(call) => return Ok(call),
        };
        Call::begin_strict(scope, event).await
    }

    /// Runs what a function does before it gives its future away. A panic in it is recorded as that of the
    /// call, and goes on.
    pub fn before_its_future<R>(self, run: impl FnOnce() -> R) -> (Self, R) {
        // What it says there is not said of its caller.
        let recorder = self.recorder.clone();
        match catch_unwind(AssertUnwindSafe(|| Call::unheard(recorder).run(run))) {
            Ok(future) => (self, future),
            Err(panic) => self.panicked(panic),
        }
    }
}
