//! What to look for in a log, and where a page ends.

use std::collections::BTreeMap;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::event::{Columns, Outcome};

/// Entries on a page, where the query does not say.
pub const DEFAULT_LIMIT: u32 = 100;

/// Most entries on a page; a query for more gets so many.
pub const MAX_LIMIT: u32 = 1_000;

/// What entries must have: all that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `actor.id`, exactly.
    pub actor: Option<String>,
    /// `action`, exactly.
    pub action: Option<String>,
    /// `resource.type`, exactly.
    pub resource_type: Option<String>,
    /// `resource.id`, exactly.
    pub resource_id: Option<String>,
    /// `outcome`.
    pub outcome: Option<Outcome>,
    /// `occurred_at` at this moment or later.
    pub since: Option<DateTime<Utc>>,
    /// `occurred_at` before this moment.
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Whether an entry with these columns is one of those that are looked for. The stores' own SQL
    /// means the same.
    #[must_use]
    pub fn matches(&self, columns: &Columns) -> bool {
        let text = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        text(&self.actor, columns.actor.as_deref())
            && text(&self.action, Some(&columns.action))
            && text(&self.resource_type, columns.resource_type.as_deref())
            && text(&self.resource_id, columns.resource_id.as_deref())
            && self.outcome.is_none_or(|wanted| columns.outcome == Some(wanted))
            && self.since.is_none_or(|since| columns.occurred_at >= since)
            && self.until.is_none_or(|until| columns.occurred_at < until)
    }
}

/// A search: newest first, page by page.
///
/// ```
/// use audit_core::{Outcome, Query};
/// let query = Query::new().action("invoice.approve").outcome(Outcome::Denied).limit(20);
/// ```
#[must_use]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pub(crate) filter: Filter,
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<Cursor>,
}

impl Query {
    /// Everything, newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what this actor did, by id.
    pub fn actor(mut self, id: impl Into<String>) -> Self {
        self.filter.actor = Some(id.into());
        self
    }

    /// Only this action.
    pub fn action(mut self, name: impl Into<String>) -> Self {
        self.filter.action = Some(name.into());
        self
    }

    /// Only what was done to resources of this type.
    pub fn resource_type(mut self, kind: impl Into<String>) -> Self {
        self.filter.resource_type = Some(kind.into());
        self
    }

    /// Only what was done to resources with this id; best together with their type.
    pub fn resource_id(mut self, id: impl Into<String>) -> Self {
        self.filter.resource_id = Some(id.into());
        self
    }

    /// Only what ended so.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.filter.outcome = Some(outcome);
        self
    }

    /// Only what happened at this moment or later.
    pub fn since(mut self, since: DateTime<Utc>) -> Self {
        self.filter.since = Some(since);
        self
    }

    /// Only what happened before this moment.
    pub fn until(mut self, until: DateTime<Utc>) -> Self {
        self.filter.until = Some(until);
        self
    }

    /// Entries on a page: 1 to [`MAX_LIMIT`], by default [`DEFAULT_LIMIT`].
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on where a page of the same query ended.
    pub fn cursor(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    pub(crate) fn page_size(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }
}

/// Where a page ended: in each log, the index before which the next page goes on. Opaque to those who
/// pass it around as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) before: BTreeMap<i64, u64>,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor: pass on the `next` of a page as it is")]
pub struct CursorError;

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> =
            self.before.iter().map(|(log, before)| format!("{log}:{before}")).collect();
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.join(",")))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let parts = String::from_utf8(bytes).map_err(|_| CursorError)?;
        let position = |part: &str| {
            let (log, before) = part.split_once(':')?;
            Some((log.parse().ok()?, before.parse().ok()?))
        };
        let before = parts.split(',').map(position).collect::<Option<_>>().ok_or(CursorError)?;
        Ok(Self { before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_way_through_a_url_and_nothing_else_does() {
        let cursor = Cursor { before: BTreeMap::from([(1, 200), (2, 0)]) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "x", "MTox!", "MQ", &"A".repeat(1 << 16)] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorError), "{wrong:.20}");
        }
    }
}
