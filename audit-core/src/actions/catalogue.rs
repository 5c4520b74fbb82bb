//! The actions that a recorder knows.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::{Action, EventBuilder, EventError, check_action, is_reserved, unknown_action};

#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    known: BTreeMap<Cow<'static, str>, Action>,
    /// Whether all others are refused.
    is_closed: bool,
}

impl Catalogue {
    pub(crate) fn add(&mut self, actions: impl Iterator<Item = Action>) {
        self.known.extend(actions.map(|action| (action.name.clone(), action)));
    }

    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether each action has a name that an event may have.
    pub(crate) fn check_names(&self) -> Result<(), EventError> {
        self.known.keys().try_for_each(|name| check_action(name))
    }

    /// Whether an action of this name is taken.
    pub(crate) fn check(&self, name: &str) -> Result<(), EventError> {
        if self.is_closed && !self.known.contains_key(name) && !is_reserved(name) {
            return Err(unknown_action(name));
        }
        Ok(())
    }

    /// Has an event say what its action says, or that nobody knows that action.
    pub(crate) fn complete(&self, mut event: EventBuilder) -> EventBuilder {
        match self.known.get(&event.fields.action) {
            Some(action) => event.of_action(action),
            None => {
                event.fields.is_unknown = self.check(&event.fields.action).is_err();
                event
            }
        }
    }
}
