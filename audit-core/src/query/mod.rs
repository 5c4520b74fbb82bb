//! What to look for in a log, and where a page ends.

mod field;
mod condition;
mod scope;
mod filter;
mod cursor;
pub mod language;
mod written;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

pub use condition::Condition;
pub use cursor::{Cursor, CursorError};
pub use field::Field;
pub(crate) use field::NAMES as FIELDS;
pub use filter::Filter;
pub use language::LanguageError;
pub use scope::Scope;

use crate::event::{Outcome, Severity};
use condition::Test;

/// Entries on a page, where the query does not say.
pub const DEFAULT_LIMIT: u32 = 100;

/// Most entries on a page.
pub const MAX_LIMIT: u32 = 1_000;

/// Most free texts of a query.
pub const MAX_TEXTS: usize = 16;

/// A search, page by page: newest first, or [oldest first](Self::oldest_first). All that is asked for must be there: two tags find what has both,
/// two outcomes find nothing. A second log takes the place of the first.
///
/// ```
/// use audit_core::{Outcome, Query};
/// let query = Query::new().action("invoice.approve").outcome(Outcome::Denied).limit(20);
/// // As people write it, in the search language:
/// assert_eq!(query.to_string(), "action:invoice.approve outcome:denied");
/// ```
#[must_use]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pub(crate) log: Option<String>,
    conditions: Vec<Condition>,
    pub(crate) is_oldest_first: bool,
    limit: Option<u32>,
    pub(crate) cursor: Option<Cursor>,
}

/// A query that is not answered as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Its limit is none.
    #[error("a page has 1 to {MAX_LIMIT} entries, and not {0}")]
    Limit(u32),
    /// Its times are the wrong way round, so that nothing can be between them.
    #[error("nothing is after {since} and before {until}: the later time goes to `before`")]
    UpsideDown {
        /// What it asks for happened at this moment or later.
        since: DateTime<Utc>,
        /// What it asks for happened before this moment.
        until: DateTime<Utc>,
    },
    /// It asks for too many free texts, each of which is looked for in each entry.
    #[error("a query has up to {MAX_TEXTS} free texts, and not {0}: ask for fields")]
    Texts(usize),
    /// There is no histogram of so many buckets.
    #[error("a histogram has 1 to 1000 buckets, and not {0}")]
    Buckets(u32),
    /// It asks for what is not in the public view of entries, which is all that the reader sees.
    #[error("`{0}` is in no public view of an entry, and this reader sees no other")]
    Hidden(String),
    /// Its cursor comes from another one, or from a reader with another scope.
    #[error(
        "this cursor belongs to another query: use it with the one that it came from, or begin without"
    )]
    OtherCursor,
}

impl Query {
    /// Everything, newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what is in the log of this name.
    pub fn log(mut self, origin: impl Into<String>) -> Self {
        self.log = Some(origin.into());
        self
    }

    /// The name of the log that is looked through, if it is one.
    #[must_use]
    pub fn log_name(&self) -> Option<&str> {
        self.log.as_deref()
    }

    /// Only the event with this id.
    pub fn event_id(self, id: Uuid) -> Self {
        self.and(Condition::is(Field::Id, id.to_string()))
    }

    /// Only what this actor did, by id.
    pub fn actor(self, id: impl Into<String>) -> Self {
        self.and(Condition::is(Field::Actor, id))
    }

    /// Only this action.
    pub fn action(self, name: impl Into<String>) -> Self {
        self.and(Condition::is(Field::Action, name))
    }

    /// Only what was done to resources of this type.
    pub fn resource_type(self, kind: impl Into<String>) -> Self {
        self.and(Condition::is(Field::ResourceType, kind))
    }

    /// Only what was done to resources with this id; best together with their type.
    pub fn resource_id(self, id: impl Into<String>) -> Self {
        self.and(Condition::is(Field::ResourceId, id))
    }

    /// Only what was done to parts of this resource: what it is the `parent` of.
    pub fn resource_parent(self, kind: &str, id: &str) -> Self {
        self.and(Condition::is(Field::Parent(kind.to_owned()), id))
    }

    /// Only bulk operations that have this resource among their `resources`.
    pub fn resources_with(self, kind: &str, id: &str) -> Self {
        self.and(Condition::is(Field::Resources(kind.to_owned()), id))
    }

    /// Only what ended so.
    pub fn outcome(self, outcome: Outcome) -> Self {
        self.and(Condition::is(Field::Outcome, outcome.as_str()))
    }

    /// Only what is so serious: this severity exactly.
    pub fn severity(self, severity: Severity) -> Self {
        self.and(Condition::is(Field::Severity, severity.as_str()))
    }

    /// Only this group of actions.
    pub fn category(self, category: &str) -> Self {
        self.and(Condition::is(Field::Category, category))
    }

    /// Only what belongs to this tenant. A filter like any other: it does not keep a reader out of other
    /// tenants' entries, which [`Reader::within`](crate::store::Reader::within) does.
    pub fn tenant(self, tenant: &str) -> Self {
        self.and(Condition::is(Field::Tenant, tenant))
    }

    /// Only what this request did.
    pub fn request_id(self, id: &str) -> Self {
        self.and(Condition::is(Field::Request, id))
    }

    /// Only what was done in this session, by the keyed hash that stands in the events.
    pub fn session(self, hash: &str) -> Self {
        self.and(Condition::is(Field::Session, hash))
    }

    /// Only what requests with this correlation id did.
    pub fn correlation_id(self, id: &str) -> Self {
        self.and(Condition::is(Field::Correlation, id))
    }

    /// Only what requests of this W3C trace did.
    pub fn trace_id(self, id: &str) -> Self {
        self.and(Condition::is(Field::Trace, id))
    }

    /// Only the steps of this workflow or job.
    pub fn operation_id(self, id: &str) -> Self {
        self.and(Condition::is(Field::Operation, id))
    }

    /// Only what strict operations say when they begin, which are not to run unrecorded: another event completes each.
    pub fn begun(self) -> Self {
        self.and(Condition::is(Field::Stage, "begun"))
    }

    /// Only what completes such an operation.
    pub(crate) fn completing(self) -> Self {
        self.and(Condition::prefix(Field::Begun, ""))
    }

    /// Only what completes the operation that began with this event, if it was a strict one: others have no such event.
    pub fn completes(self, begun_id: Uuid) -> Self {
        self.and(Condition::is(Field::Begun, begun_id.to_string()))
    }

    /// Only what has this label with this text. Called again, other labels must be there as well.
    pub fn label(self, name: &str, text: &str) -> Self {
        self.and(Condition::is(Field::Label(name.to_owned()), text))
    }

    /// Only what has this tag. Called again, other tags must be there as well.
    pub fn tag(self, tag: &str) -> Self {
        self.and(Condition::is(Field::Tag, tag))
    }

    /// Only what an auditor will ask for.
    pub fn compliance_relevant(self) -> Self {
        self.and(Condition::is(Field::ComplianceRelevant, "true"))
    }

    /// Only what was asked for from this address, as far as it has not been erased.
    pub fn ip(self, ip: IpAddr) -> Self {
        self.network(ip, if ip.is_ipv4() { 32 } else { 128 })
    }

    /// Only what was asked for from this network: the addresses whose first bits, as many as `prefix_len`
    /// says, are those of `ip`; the others are passed over. An IPv4 address has 32 bits and an IPv6 address
    /// 128; a longer prefix is taken for all of them. IPv4 networks are also part of IPv6, where
    /// 10.0.0.0/8 is ::ffff:10.0.0.0/104.
    pub fn network(self, ip: IpAddr, prefix_len: u8) -> Self {
        self.and(Condition::within(ip, prefix_len))
    }

    /// Only what happened at this moment or later.
    pub fn since(self, since: DateTime<Utc>) -> Self {
        self.and(Condition::of(Test::Since(since)))
    }

    /// Only what happened before this moment.
    pub fn until(self, until: DateTime<Utc>) -> Self {
        self.and(Condition::of(Test::Until(until)))
    }

    /// In the order in which they were recorded, the oldest first: in one [log](Self::log), by index. What is appended while it is
    /// read comes on the pages that follow, and none that has been read changes.
    pub fn oldest_first(mut self) -> Self {
        self.is_oldest_first = true;
        self
    }

    /// Entries on a page: 1 to [`MAX_LIMIT`], by default [`DEFAULT_LIMIT`]. Another one is refused when it is searched for.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on where a page of the same query ended.
    pub fn cursor(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Only what is such, too.
    pub fn and(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Whether an event of a log is one of those that are asked for. It is the event as JSON, as
    /// [`Entry::known`](crate::store::Entry::known) gives it: without what was erased.
    #[must_use]
    pub fn matches(&self, log: &str, event: &Value) -> bool {
        self.is_of(log) && self.conditions.iter().all(|condition| condition.matches(event))
    }

    /// Checks what can be wrong with it by itself, as a search does: its limit, the order of its times, the number of its free texts.
    ///
    /// ```
    /// use audit_core::Query;
    /// let error = "after:2026-02-01 before:2026-01-01".parse::<Query>()?.check().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "nothing is after 2026-02-01 00:00:00 UTC and before 2026-01-01 00:00:00 UTC: the later time goes to `before`"
    /// );
    /// # Ok::<(), audit_core::query::LanguageError>(())
    /// ```
    ///
    /// # Errors
    /// [`QueryError`] says what to ask for instead.
    pub fn check(&self) -> Result<(), QueryError> {
        let is_text = |it: &&Condition| matches!(it.test, Test::Says(_));
        let texts = self.conditions.iter().filter(is_text).count();
        match (self.limit, self.filter()) {
            _ if texts > MAX_TEXTS => Err(QueryError::Texts(texts)),
            (Some(limit), _) if !(1..=MAX_LIMIT).contains(&limit) => Err(QueryError::Limit(limit)),
            (_, Filter { since: Some(since), until: Some(until), .. }) if since > until => {
                Err(QueryError::UpsideDown { since, until })
            }
            _ => Ok(()),
        }
    }

    /// What it looks at that is in no public view, if there is such.
    fn hidden(&self) -> Option<String> {
        self.conditions.iter().find_map(Condition::hidden)
    }

    /// What of it, and of what may be seen, a store looks for, and what is left to be looked at in what that finds. What may
    /// be seen always is: the columns that a store goes by are no evidence.
    pub(crate) fn split<'a>(&'a self, scope: &'a Scope) -> (Filter, Vec<&'a Condition>) {
        let mut filter = Filter::default();
        for condition in &scope.conditions {
            filter.take(condition);
        }
        let rest: Vec<_> =
            self.conditions.iter().filter(|condition| !filter.take(condition)).collect();
        // The id of a resource is looked for with its type, which may stand behind it.
        let rest = rest.into_iter().filter(|condition| !filter.take(condition));
        let rest = rest.chain(&scope.conditions).collect();
        (filter, rest)
    }

    /// What of it a store looks for.
    pub(crate) fn filter(&self) -> Filter {
        self.split(&Scope::everything()).0
    }

    /// Whether nothing is asked of an event.
    pub(crate) fn is_everything(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether the log of this name is looked through.
    pub(crate) fn is_of(&self, origin: &str) -> bool {
        self.log.as_ref().is_none_or(|log| log == origin)
    }

    pub(crate) fn page_size(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}
