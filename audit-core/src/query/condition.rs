//! One thing that is asked of events.

use std::net::IpAddr;
use std::ops::{Not, RangeInclusive};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::field::Field;
use crate::event::octets;

/// One thing that entries must have, or, negated by `!`, must not have.
///
/// ```
/// use audit_core::query::{Condition, Field, Query};
///
/// let refused = Query::new()
///     .and(Condition::any_of(Field::Action, ["user.login", "user.logout"]))
///     .and(!Condition::is(Field::Outcome, "success"))
///     .and(Condition::between(Field::Status, 400..=499));
/// assert_eq!(refused.to_string(), "action:user.login,user.logout -outcome:success status:400..499");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    pub(super) is_negated: bool,
    pub(super) test: Test,
    /// How long ago its moment was when it was read, where it was written so.
    pub(super) ago: Option<TimeDelta>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Test {
    /// A value of the field is like one of these.
    Like(Field, Vec<Pattern>),
    /// A value of the field is a number within these bounds, if there are such.
    Between(Field, Option<i64>, Option<i64>),
    /// The client's address lies in one of these networks.
    Within(Vec<Network>),
    /// It happened at this time or later.
    Since(DateTime<Utc>),
    /// It happened before this time.
    Until(DateTime<Utc>),
    /// A text for people has these words in it, whatever their case.
    Says(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pattern {
    Exactly(String),
    /// All that begins so.
    Beginning(String),
}

/// An address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Network {
    pub(super) ip: IpAddr,
    pub(super) prefix_len: u8,
}

/// What free text is looked for in.
const TEXTS: [Field; 6] = [
    Field::Message,
    Field::Reason,
    Field::Action,
    Field::ActorName,
    Field::ResourceName,
    Field::ErrorMessage,
];

impl Condition {
    /// A field has this value: a number as in decimal, a flag as `true`. One that has several, as [`Tag`](Field::Tag), has it among
    /// them.
    #[must_use]
    pub fn is(field: Field, value: impl Into<String>) -> Self {
        Self::any_of(field, [value])
    }

    /// A field has one of these values.
    #[must_use]
    pub fn any_of<T: Into<String>>(field: Field, values: impl IntoIterator<Item = T>) -> Self {
        let patterns = values.into_iter().map(|value| Pattern::Exactly(value.into()));
        Self::of(Test::Like(field, patterns.collect()))
    }

    /// The value of a field begins so; with an empty text, it has any.
    #[must_use]
    pub fn prefix(field: Field, text: impl Into<String>) -> Self {
        Self::of(Test::Like(field, vec![Pattern::Beginning(text.into())]))
    }

    /// A [`Status`](Field::Status) or [`Duration`](Field::Duration) lies within these bounds. Other fields have no numbers.
    #[must_use]
    pub fn between(field: Field, range: RangeInclusive<i64>) -> Self {
        Self::of(Test::Between(field, Some(*range.start()), Some(*range.end())))
    }

    /// A text for people has this in it, whatever its case: message, reason, action, names, the text of an error. What was erased
    /// says nothing.
    #[must_use]
    pub fn says(text: impl Into<String>) -> Self {
        Self::of(Test::Says(text.into().to_lowercase()))
    }

    /// The client's address lies in this network, as far as it has not been erased. See [`Query::network`](super::Query::network).
    #[must_use]
    pub fn within(ip: IpAddr, prefix_len: u8) -> Self {
        Self::of(Test::Within(vec![Network { ip, prefix_len }]))
    }

    pub(super) fn of(test: Test) -> Self {
        Self { is_negated: false, test, ago: None }
    }

    /// What it looks at that is in no public view, if there is such.
    pub(super) fn hidden(&self) -> Option<String> {
        match &self.test {
            Test::Like(field, _) | Test::Between(field, ..) => {
                (!field.is_public()).then(|| field.to_string())
            }
            Test::Within(_) => Some("ip".to_owned()),
            Test::Since(_) | Test::Until(_) | Test::Says(_) => None,
        }
    }

    /// Whether an event is such, of which nothing is there that was erased.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.is_negated != self.test.matches(event)
    }
}

/// The opposite. An entry that has no such field is not like any value, so it is found by this.
impl Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        Self { is_negated: !self.is_negated, ..self }
    }
}

impl Test {
    fn matches(&self, event: &Value) -> bool {
        let text = |place| event.pointer(place).and_then(Value::as_str);
        let happened = || text("/occurred_at").and_then(|at| at.parse::<DateTime<Utc>>().ok());
        match self {
            Self::Like(field, patterns) => {
                field.any(event, |value| patterns.iter().any(|pattern| pattern.is_like(value)))
            }
            Self::Between(field, from, to) => field.any(event, |value| {
                value.as_i64().is_some_and(|value| {
                    from.is_none_or(|from| from <= value) && to.is_none_or(|to| value <= to)
                })
            }),
            Self::Within(networks) => {
                let ip = text("/request/ip").and_then(|ip| ip.parse().ok()).map(octets);
                ip.is_some_and(|ip| networks.iter().any(|network| network.range().contains(&ip)))
            }
            Self::Since(since) => happened().is_some_and(|at| at >= *since),
            Self::Until(until) => happened().is_some_and(|at| at < *until),
            Self::Says(words) => TEXTS.iter().any(|field| {
                field.any(event, |text| {
                    text.as_str().is_some_and(|text| text.to_lowercase().contains(words))
                })
            }),
        }
    }
}

impl Pattern {
    fn is_like(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Exactly(wanted), Value::String(text)) => wanted == text,
            (Self::Beginning(start), Value::String(text)) => text.starts_with(start),
            (_, Value::Number(_) | Value::Bool(_)) => {
                self.is_like(&Value::String(value.to_string()))
            }
            _ => false,
        }
    }
}

impl Network {
    /// All its addresses, IPv4 mapped into IPv6.
    pub(super) fn range(self) -> RangeInclusive<[u8; 16]> {
        let fixed = match self.ip {
            IpAddr::V4(_) => 96 + u32::from(self.prefix_len.min(32)),
            IpAddr::V6(_) => u32::from(self.prefix_len.min(128)),
        };
        let (address, hosts) =
            (u128::from_be_bytes(octets(self.ip)), u128::MAX.checked_shr(fixed).unwrap_or(0));
        (address & !hosts).to_be_bytes()..=(address | hosts).to_be_bytes()
    }
}
