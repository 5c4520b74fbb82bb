//! A query as the search language writes it.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Query;
use super::condition::{Condition, Network, Pattern, Test};
use super::field::Field;
use super::language::UNITS;

/// As the search language has it: what is read from it is the same query, though a time that is so long ago is then another moment.
/// Neither limit nor cursor is part of it.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log.iter().map(|log| format!("log:{}", Text(log)));
        let conditions = self.conditions.iter().map(ToString::to_string);
        f.write_str(&log.chain(conditions).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negated {
            f.write_str("-")?;
        }
        let time = |time: &DateTime<Utc>| match self.ago {
            Some(ago) => written_span(ago),
            None => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        };
        match &self.test {
            Test::Like(field, patterns) => {
                let written = |pattern: &Pattern| match pattern {
                    // As is, though it makes no sense there.
                    Pattern::Exactly(text) if field.check(text).is_err() => Text(text).quoted(),
                    pattern => pattern.to_string(),
                };
                let patterns: Vec<_> = patterns.iter().map(written).collect();
                write!(f, "{field}:{}", patterns.join(","))
            }
            Test::Between(field, Some(from), Some(to)) => write!(f, "{field}:{from}..{to}"),
            Test::Between(field, Some(from), None) => write!(f, "{field}:>={from}"),
            Test::Between(field, None, to) => write!(f, "{field}:<={}", to.unwrap_or(i64::MAX)),
            Test::Within(networks) => write!(f, "ip:{}", list(networks)),
            Test::Since(since) => write!(f, "after:{}", time(since)),
            Test::Until(until) => write!(f, "before:{}", time(until)),
            // Not bare, as it may look like anything.
            Test::Says(text)
                if Text(text).is_bare() && !text.contains(':') && !text.starts_with('-') =>
            {
                f.write_str(text)
            }
            Test::Says(text) => f.write_str(&Text(text).quoted()),
        }
    }
}

fn list<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            (name, None) => f.write_str(name),
            (name, Some(key)) => {
                let is_bare = !key.is_empty()
                    && key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
                write!(f, "{name}.")?;
                if is_bare { f.write_str(key) } else { f.write_str(&Text(key).quoted()) }
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) => Text(text).fmt(f),
            Self::Beginning(text) if text.is_empty() => f.write_str("*"),
            Self::Beginning(text) => write!(f, "{}*", Text(text)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix_len)
    }
}

/// A text that is put into quotes where it would be read as something else.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn is_bare(&self) -> bool {
        let Self(text) = self;
        !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || "\",*\\".contains(c))
            && !text.contains("..")
            && !text.starts_with(['<', '>'])
    }

    fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_bare() { f.write_str(self.0) } else { f.write_str(&self.quoted()) }
    }
}

/// In the largest unit of which it is a whole number.
fn written_span(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    let is_whole = |(_, length): &&(char, i64)| seconds.checked_rem(*length) == Some(0);
    let (unit, length) = UNITS.iter().find(is_whole).copied().unwrap_or(('s', 1));
    format!("{}{unit}", seconds.checked_div(length).unwrap_or(seconds))
}
