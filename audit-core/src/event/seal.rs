//! The checked form of an event, and the checks.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use super::action::is_mark;
use super::bound::{bound, held};
use super::builder::EventBuilder;
use super::encode::measure;
use super::failure::ErrorInfo;
use super::fields::{Event, Fields};
use super::payload::{BULK, Bulk, MAX_DEPTH, is_shallow};
use super::random::random;
use super::text::{MAX_ID, check_action, check_retention, line, unknown_action};
use crate::clock::{Clock, SystemClock, to_micros};

/// Longest canonical form of an event, in bytes; the openings of its personal values may take as much
/// again.
pub const MAX_CANONICAL: usize = 65_535;

/// The level at which a payload stands, at the deepest: `changes[0].before`.
const PAYLOAD_LEVEL: usize = 3;

/// What the member `producer` takes at the most: it is not known yet when an event is checked.
const PRODUCER_SIZE: usize = 700;

/// What is wrong with an event that was to be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The action's name.
    #[error("`{name}` is no name for an action: {why}")]
    Action {
        /// The name, cut and scrubbed.
        name: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// The action is not in the recorder's [catalogue](crate::recorder::RecorderBuilder::catalogue), which is closed.
    #[error(
        "`{name}` is no action that the recorder knows: add it to the catalogue, or correct it"
    )]
    UnknownAction {
        /// The name, cut and scrubbed.
        name: String,
    },
    /// The retention class's name.
    #[error(
        "`{class}` is no retention class: use `[a-z][a-z0-9_]*`, at most 64 bytes, not `audit`"
    )]
    Retention {
        /// The name, cut and scrubbed.
        class: String,
    },
    /// The time lies where RFC 3339 has no words for it.
    #[error("the year {year} of `occurred_at` is not within 0 to 9999")]
    Time {
        /// The year.
        year: i32,
    },
    /// A value that cannot be personal was named as such.
    #[error(
        "`{pointer}` cannot be made personal: only values in `/before`, `/after`, `/changes` and \
         `/metadata` can (names, addresses and messages always are)"
    )]
    Personal {
        /// The pointer, cut and scrubbed.
        pointer: String,
    },
    /// A payload is nested too deeply.
    #[error(
        "`{member}` is nested more deeply than the {MAX_DEPTH} levels of an event: store less of it"
    )]
    TooDeep {
        /// Pointer to the member of the event.
        member: &'static str,
    },
    /// The event is too large.
    #[error(
        "the event takes up to {size} bytes, more than {MAX_CANONICAL}: store less of its payloads"
    )]
    TooLarge {
        /// Bytes of the canonical form or of the openings, whichever is larger.
        size: usize,
    },
}

impl Event {
    /// The first member that is nested too deeply.
    fn too_deep(&self) -> Option<&'static str> {
        let mut payloads = self.fields.payloads();
        payloads
            .find(|(_, value)| !is_shallow(value, MAX_DEPTH - PAYLOAD_LEVEL))
            .map(|(member, _)| member)
    }

    fn leave_out(&mut self, bulk: &Bulk) {
        self.fields.leave_out(bulk);
        self.held = held(&self.fields);
    }

    fn check_size(&self) -> Result<(), EventError> {
        if bound(self.held) <= MAX_CANONICAL - PRODUCER_SIZE {
            return Ok(());
        }
        let (canon, openings) = measure(self);
        let size = canon.saturating_add(PRODUCER_SIZE).max(openings);
        if size > MAX_CANONICAL {
            return Err(EventError::TooLarge { size });
        }
        Ok(())
    }
}

impl EventBuilder {
    /// Checks the event and closes it.
    ///
    /// # Errors
    /// An [`EventError`] where the name of the action or class, a personal pointer, the time, the depth or
    /// the size is not what the format allows.
    pub fn build(self) -> Result<Event, EventError> {
        self.check_names()?;
        if let Some(class) = &self.fields.retention {
            check_retention(class)?;
        }
        let event = self.close(&SystemClock::new());
        let year = event.occurred_at.year();
        if !(0..=9999).contains(&year) {
            return Err(EventError::Time { year });
        }
        if let Some(member) = event.too_deep() {
            return Err(EventError::TooDeep { member });
        }
        event.check_size()?;
        Ok(event)
    }

    /// Closes the event whatever is wrong with it: what does not fit is left out and named in
    /// `truncated`, and if that does not help either, a reduced event says what is known.
    pub(crate) fn seal(mut self, clock: &dyn Clock) -> Event {
        if let Err(error) = self.check_names() {
            return self.reduced(clock, &error);
        }
        if self.fields.retention.as_deref().is_some_and(|class| check_retention(class).is_err()) {
            self.fields.retention = None;
            self = self.altered("/retention");
        }
        let in_words = |at: &DateTime<Utc>| (0..=9999).contains(&at.year());
        if !self.fields.occurred_at.as_ref().is_none_or(in_words) {
            self.fields.occurred_at = None;
            self = self.altered("/occurred_at");
        }
        let mut event = self.close(clock);
        let of_member = |member| BULK.iter().find(|bulk| bulk.pointer == member);
        while let Some(bulk) = event.too_deep().and_then(of_member) {
            event.leave_out(bulk);
        }
        for bulk in &BULK {
            match event.check_size() {
                Ok(()) => return event,
                Err(_) => event.leave_out(bulk),
            }
        }
        match event.check_size() {
            Ok(()) => event,
            Err(error) => EventBuilder { fields: event.fields }.reduced(clock, &error),
        }
    }

    /// The checks that nothing can be left out for.
    fn check_names(&self) -> Result<(), EventError> {
        if !self.fields.is_checked {
            check_action(&self.fields.action)?;
        }
        if self.fields.is_unknown {
            return Err(unknown_action(&self.fields.action));
        }
        match self.fields.misplaced_personal() {
            None => Ok(()),
            Some(pointer) => {
                let pointer = line(pointer, MAX_ID, "", &mut Vec::new());
                Err(EventError::Personal { pointer })
            }
        }
    }

    /// Gives the event what only a moment can give, and brings its payloads to what the format holds.
    /// For the log's own events this is all: they are small, and their names are reserved.
    pub(crate) fn close(mut self, clock: &dyn Clock) -> Event {
        self.fields.scrub_metadata_names();
        self.fields.settle_personal();
        let occurred_at = to_micros(self.fields.occurred_at.unwrap_or_else(|| clock.now()));
        Event {
            id: self.fields.id.unwrap_or_else(|| new_id(clock.now())),
            nonce: random(),
            occurred_at,
            held: held(&self.fields),
            fields: self.fields,
        }
    }

    fn reduced(self, clock: &dyn Clock, error: &EventError) -> Event {
        let Fields {
            id,
            occurred_at,
            parent_id,
            is_begun,
            begun_id,
            imported,
            action,
            category,
            severity,
            sensitivity,
            mut tags,
            outcome,
            duration_us,
            status,
            actor,
            tenant,
            request,
            resource,
            retention,
            is_sensitive,
            is_compliance_relevant,
            ..
        } = *self.fields;
        let action = match error {
            EventError::Action { .. } | EventError::UnknownAction { .. } => {
                Cow::Borrowed("audit.invalid_event")
            }
            _ => action,
        };
        tags.retain(|tag| is_mark(tag));
        let error = ErrorInfo::new(error.to_string()).code("audit.invalid_event");
        let fields = Fields {
            id,
            occurred_at,
            parent_id,
            is_begun,
            begun_id,
            imported,
            action,
            category,
            severity,
            sensitivity,
            tags,
            outcome,
            error: Some(error),
            duration_us,
            status,
            actor,
            tenant,
            request,
            resource,
            retention: retention.filter(|class| check_retention(class).is_ok()),
            is_sensitive,
            is_compliance_relevant,
            // The event as a whole does not stand as it came.
            altered: vec![""],
            ..Fields::default()
        };
        EventBuilder { fields: Box::new(fields) }.close(clock)
    }
}

/// A UUIDv7 of a moment.
pub(crate) fn new_id(at: DateTime<Utc>) -> Uuid {
    let millis = at.timestamp_millis().try_into().unwrap_or(0);
    let [_, _, _, _, _, _, drawn @ ..] = random();
    uuid::Builder::from_unix_timestamp_millis(millis, &drawn).into_uuid()
}
