//! What stores look for along their indexes.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::condition::{Condition, Pattern, Test};
use super::field::Field;
use crate::event::{COMPLETING, Columns, Term};

/// What entries must have: all that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `id`: there is one such entry in a log at the most.
    pub event_id: Option<Uuid>,
    /// `actor.id`, exactly.
    pub actor: Option<String>,
    /// `action`, exactly.
    pub action: Option<String>,
    /// `resource.type`, exactly.
    pub resource_type: Option<String>,
    /// `resource.id`, exactly.
    pub resource_id: Option<String>,
    /// All of these are among its terms.
    pub terms: BTreeSet<Term>,
    /// The client's address lies here: 16 bytes, IPv4 mapped into IPv6. An entry whose address was erased,
    /// or never known, lies nowhere.
    pub ip: Option<RangeInclusive<[u8; 16]>>,
    /// `occurred_at` at this moment or later.
    pub since: Option<DateTime<Utc>>,
    /// `occurred_at` before this moment.
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Takes in a condition, if it is one that is looked for along an index, and no other of its kind is there already.
    pub(super) fn take(&mut self, condition: &Condition) -> bool {
        if condition.is_negated {
            return false;
        }
        match &condition.test {
            Test::Like(field, patterns) => match &**patterns {
                [Pattern::Exactly(value)] => self.take_value(field, value),
                [Pattern::Beginning(start)] if start.is_empty() && *field == Field::Begun => {
                    self.terms.insert(Term::new("stage", COMPLETING));
                    true
                }
                _ => false,
            },
            Test::Within(networks) => match &**networks {
                [network] => put(&mut self.ip, network.range()),
                _ => false,
            },
            Test::Since(since) => {
                self.since = self.since.max(Some(*since));
                true
            }
            Test::Until(until) => {
                self.until = Some(self.until.map_or(*until, |before| before.min(*until)));
                true
            }
            Test::Between(..) | Test::Says(_) => false,
        }
    }

    fn take_value(&mut self, field: &Field, value: &str) -> bool {
        match field {
            // A database may refuse it. No event says it, so that looking at them comes to the same.
            _ if value.contains('\0') => false,
            // Written otherwise than in an event, it is none.
            Field::Id => match value.parse::<Uuid>() {
                Ok(id) if id.to_string() == value => put(&mut self.event_id, id),
                _ => false,
            },
            Field::Actor => put(&mut self.actor, value.to_owned()),
            Field::Action => put(&mut self.action, value.to_owned()),
            Field::ResourceType => put(&mut self.resource_type, value.to_owned()),
            // Their index begins with the type: an id alone would be looked for in the whole log at once.
            Field::ResourceId if self.resource_type.is_some() => {
                put(&mut self.resource_id, value.to_owned())
            }
            Field::ResourceId => false,
            _ => field.term(value).map(|term| self.terms.insert(term)).is_some(),
        }
    }

    /// Whether an entry with these columns and this address is one of those that are looked for. The
    /// stores' own SQL means the same.
    #[must_use]
    pub fn matches(&self, columns: &Columns, ip: Option<&[u8]>) -> bool {
        let text = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        self.event_id.is_none_or(|wanted| columns.event_id == wanted)
            && text(&self.actor, columns.actor.as_deref())
            && text(&self.action, Some(&columns.action))
            && text(&self.resource_type, columns.resource_type.as_deref())
            && text(&self.resource_id, columns.resource_id.as_deref())
            && self.terms.iter().all(|wanted| columns.terms.binary_search(wanted).is_ok())
            && self.ip.as_ref().is_none_or(|range| {
                ip.is_some_and(|ip| range.start().as_slice() <= ip && ip <= range.end().as_slice())
            })
            && self.since.is_none_or(|since| columns.occurred_at >= since)
            && self.until.is_none_or(|until| columns.occurred_at < until)
    }

    /// The terms to look up: those that are asked for, that of a resource type without an id, and, if there are others, that of the
    /// action. An action alone has an index of its own in PostgreSQL.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn sought(&self) -> BTreeSet<Term> {
        let mut terms = self.terms.clone();
        if let (Some(kind), None) = (&self.resource_type, &self.resource_id) {
            terms.insert(Term::new("resource.type", kind));
        }
        if let (Some(action), false) = (&self.action, terms.is_empty()) {
            terms.insert(Term::new("action", action));
        }
        terms
    }

    /// The terms to look up where these are the one index there is ([`Columns::keys`]).
    #[cfg(feature = "sqlite")]
    pub(crate) fn keys(&self) -> BTreeSet<Term> {
        let mut keys = self.sought();
        keys.extend(self.action.as_deref().map(|action| Term::new("action", action)));
        keys.extend(self.actor.as_deref().map(Term::of_actor));
        let resource = self.resource_type.as_deref().zip(self.resource_id.as_deref());
        keys.extend(resource.map(|(kind, id)| Term::of_resource(kind, id)));
        keys
    }
}

/// Sets what was not set, and answers whether it is so.
fn put<T: PartialEq>(place: &mut Option<T>, value: T) -> bool {
    match place {
        Some(there) => *there == value,
        None => {
            *place = Some(value);
            true
        }
    }
}
