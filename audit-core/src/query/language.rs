//! The search language: a query as people write it.
//!
//! `actor:alice action:invoice.* -outcome:success ip:10.0.0.0/8 after:2026-01-01 "free text"`
//!
//! All that is written must be there. `-` before it: it must not. A field takes one value, some of which one must be there
//! (`action:user.login,user.logout`), or the beginning of one (`action:user.*`; `actor:*` is any). What has spaces or other signs in it
//! stands in quotes, in which `\` comes before `"` and `\`. `status` and `duration_us` take bounds as well (`status:>=400`,
//! `status:400..499`), `severity` only from below (`severity:>=warning`), `after` and `before` a date, a time, or how long ago
//! (`after:7d`); `resource:invoice/4711` is a type and an id. A word without a field is looked for in the texts for people.

use std::net::IpAddr;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use winnow::ascii::multispace0;
use winnow::combinator::{alt, cut_err, delimited, eof, opt, peek, preceded, repeat, terminated};
use winnow::error::{ContextError, ErrMode};
use winnow::stream::{LocatingSlice, Location as _, Stream as _};
use winnow::token::{any, none_of, take_while};
use winnow::{ModalResult, Parser as _};

use super::Query;
use super::condition::{Condition, Network, Pattern, Test};
use super::field::{Field, NAMES};
use crate::clock::{Clock as _, SystemClock};
use crate::event::Severity;

/// Names that are no field of an event.
const OTHERS: [&str; 7] = ["log", "ip", "after", "before", "resource", "label", "resources"];

/// Longest text that is read.
const MAX_TEXT: usize = 10_000;

/// Most conditions in a text.
const MAX_TERMS: usize = 100;

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {what}")]
#[non_exhaustive]
pub struct LanguageError {
    /// The character at which it goes wrong, from 1.
    pub at: usize,
    /// What is wrong there, and what could be written.
    pub what: String,
}

/// A part between spaces.
struct Written {
    at: usize,
    is_negated: bool,
    /// Name and key of the field.
    field: Option<(String, Option<String>)>,
    values: Vec<Value>,
}

#[derive(Clone)]
struct Value {
    at: usize,
    text: String,
    is_quoted: bool,
    /// Whether a star stands behind it.
    is_open: bool,
}

impl FromStr for Query {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        Self::parse(text, SystemClock::new().now())
    }
}

impl Query {
    /// Reads the [search language](self), where times that are so long ago are before `now`.
    ///
    /// ```
    /// use audit_core::Query;
    ///
    /// let query: Query = r#"actor:alice -outcome:success severity:>=warning "wrong account""#.parse()?;
    /// let again = r#"actor:alice -outcome:success severity:warning,error,critical "wrong account""#;
    /// assert_eq!(query.to_string(), again);
    /// let error = "acter:alice".parse::<Query>().unwrap_err();
    /// assert_eq!(error.to_string(), "at character 1: there is no field `acter`, did you mean `actor`?");
    /// # Ok::<(), audit_core::query::LanguageError>(())
    /// ```
    ///
    /// # Errors
    /// [`LanguageError`] says where it goes wrong.
    pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Self, LanguageError> {
        let failed = |byte: usize, what: String| LanguageError {
            at: text.get(..byte).map_or(1, |before| before.chars().count() + 1),
            what,
        };
        if text.len() > MAX_TEXT {
            return Err(failed(0, format!("it is longer than {MAX_TEXT} bytes")));
        }
        let mut input = LocatingSlice::new(text);
        let mut query = Self::new();
        let _ = spaces(&mut input);
        while !input.is_empty() {
            let start = input.current_token_start();
            let written = match written(&mut input) {
                Ok(written) => written,
                Err(_) => {
                    let byte = input.current_token_start();
                    let what = match text.get(byte..).is_some_and(unclosed) {
                        true => "these quotes are not closed",
                        false => {
                            "a value is expected here, in quotes if there are spaces or signs in it"
                        }
                    };
                    return Err(failed(byte, what.to_owned()));
                }
            };
            query = query.take(written, now).map_err(|(byte, what)| failed(byte, what))?;
            // A word may be more than one: a resource's type and id.
            if query.conditions.len() > MAX_TERMS {
                return Err(failed(start, format!("there are more than {MAX_TERMS} conditions")));
            }
        }
        Ok(query)
    }

    fn take(self, written: Written, now: DateTime<Utc>) -> Result<Self, (usize, String)> {
        let Written { at, is_negated, field, values } = written;
        let negated = |test| Condition { is_negated, ..Condition::of(test) };
        let Some((name, key)) = field else {
            let text = values.into_iter().map(|value| value.text).collect::<Vec<_>>().join(",");
            return Ok(self.and(Condition { is_negated, ..Condition::says(text) }));
        };
        let no_key = |query: Self| match &key {
            None => Ok(query),
            Some(_) => Err((at, unknown(&name, key.as_deref()))),
        };
        let alone = || match &*values {
            [value] => Ok(value),
            _ => Err((at, format!("`{name}` takes one value"))),
        };
        match &*name {
            "after" | "before" => {
                let value = alone()?;
                let time = time(&value.text, now).ok_or_else(|| {
                    (
                        value.at,
                        "write a time as `2026-01-31`, `2026-01-31T12:00:00Z` or `7d`".to_owned(),
                    )
                })?;
                let test = if name == "after" { Test::Since(time) } else { Test::Until(time) };
                no_key(self.and(Condition { ago: span(&value.text), ..negated(test) }))
            }
            "log" if is_negated => Err((at, "`log` cannot be negated".to_owned())),
            "log" => {
                let log = alone()?.text.clone();
                no_key(self.log(log))
            }
            "ip" => {
                let networks = values.iter().map(Value::network).collect::<Result<_, _>>()?;
                no_key(self.and(negated(Test::Within(networks))))
            }
            "resource" if key.is_none() => {
                let Value { text, is_open, is_quoted, at } = alone()?.clone();
                match text.split_once('/') {
                    Some(_) if is_negated => {
                        Err((at, "negate `resource.type` or `resource.id`".to_owned()))
                    }
                    Some((kind, id)) => {
                        let id = Value { text: id.to_owned(), is_open, is_quoted, at };
                        let id = Test::Like(Field::ResourceId, vec![id.pattern()]);
                        Ok(self.resource_type(kind).and(Condition::of(id)))
                    }
                    None => {
                        let kind = Value { text, is_open, is_quoted, at };
                        Ok(self.and(negated(Test::Like(Field::ResourceType, vec![kind.pattern()]))))
                    }
                }
            }
            _ => {
                let field = field_named(&name, key.as_deref()).map_err(|what| (at, what))?;
                Ok(self.and(negated(test(field, &values)?)))
            }
        }
    }
}

/// A field by its name, as in `actor`, `resource.type` and `label.env`.
///
/// ```
/// use audit_core::query::Field;
/// assert_eq!("label.env".parse(), Ok(Field::Label("env".to_owned())));
/// assert_eq!("acter".parse::<Field>().unwrap_err().what, "there is no field `acter`, did you mean `actor`?");
/// ```
impl FromStr for Field {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        let (name, key) = match (name, eof).parse(LocatingSlice::new(text)) {
            Ok((name, _)) => name,
            Err(_) => (text.to_owned(), None),
        };
        field_named(&name, key.as_deref()).map_err(|what| LanguageError { at: 1, what })
    }
}

fn field_named(name: &str, key: Option<&str>) -> Result<Field, String> {
    let field = match key {
        Some(key) => {
            Field::named(&format!("{name}.{key}")).or_else(|| Field::keyed(name, key.to_owned()))
        }
        None => Field::named(name),
    };
    field.ok_or_else(|| unknown(name, key))
}

/// What a field and its values ask for.
fn test(field: Field, values: &[Value]) -> Result<Test, (usize, String)> {
    if let ([value], true) = (values, field.is_number())
        && let Some((from, to)) = bounds(value)
    {
        return Ok(Test::Between(field, from, to));
    }
    if let ([value], Field::Severity) = (values, &field)
        && let Some(least) = value.text.strip_prefix(">=").filter(|_| !value.is_quoted)
    {
        let least = least.parse::<Severity>().map_err(|why| (value.at, why.to_string()))?;
        let words = [
            Severity::Debug,
            Severity::Info,
            Severity::Warning,
            Severity::Error,
            Severity::Critical,
        ];
        let patterns = words.into_iter().filter(|word| *word >= least);
        let patterns = patterns.map(|word| Pattern::Exactly(word.as_str().to_owned()));
        return Ok(Test::Like(field, patterns.collect()));
    }
    // In quotes, anything is looked for.
    for value in values.iter().filter(|value| !value.is_quoted && !value.is_open) {
        field.check(&value.text).map_err(|what| (value.at, what))?;
    }
    Ok(Test::Like(field, values.iter().map(Value::pattern).collect()))
}

impl Value {
    fn pattern(&self) -> Pattern {
        match self.is_open {
            true => Pattern::Beginning(self.text.clone()),
            false => Pattern::Exactly(self.text.clone()),
        }
    }

    fn network(&self) -> Result<Network, (usize, String)> {
        let network = network(&self.text).filter(|_| !self.is_open);
        let network = network.map(|(ip, prefix_len)| Network { ip, prefix_len });
        let write = "write `10.0.0.7`, `10.0.0.0/8` or `2001:db8::/32`";
        network.ok_or_else(|| (self.at, write.to_owned()))
    }
}

fn bounds(value: &Value) -> Option<(Option<i64>, Option<i64>)> {
    let text = &*value.text;
    if value.is_quoted || value.is_open {
        return None;
    }
    if let Some((from, to)) = text.split_once("..") {
        return Some((Some(from.parse().ok()?), Some(to.parse().ok()?)));
    }
    if let Some(least) = text.strip_prefix(">=") {
        return Some((Some(least.parse().ok()?), None));
    }
    if let Some(most) = text.strip_prefix("<=") {
        return Some((None, Some(most.parse().ok()?)));
    }
    if let Some(below) = text.strip_prefix('>') {
        return Some((Some(below.parse::<i64>().ok()?.checked_add(1)?), None));
    }
    let above = text.strip_prefix('<')?;
    Some((None, Some(above.parse::<i64>().ok()?.checked_sub(1)?)))
}

/// An address, and how many of its bits a network has in common: all of them, where none are given.
///
/// ```
/// use audit_core::query::language::network;
/// assert_eq!(network("10.0.0.0/8"), Some(([10, 0, 0, 0].into(), 8)));
/// assert_eq!(network("10.0.0.7"), Some(([10, 0, 0, 7].into(), 32)));
/// assert_eq!(network("10.0.0.0/33"), None);
/// ```
#[must_use]
pub fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: IpAddr = ip.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let prefix_len = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (prefix_len <= most).then_some((ip, prefix_len))
}

/// A moment; a day, which begins at midnight UTC; or how long before `now`.
///
/// ```
/// use audit_core::query::language::time;
/// let noon = "2026-01-31T12:00:00Z".parse()?;
/// assert_eq!(time("12h", noon), time("2026-01-31", noon));
/// assert_eq!(time("yesterday", noon), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn time(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let day = text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let ago = || now.checked_sub_signed(span(text)?);
    day.or_else(|| text.parse().ok()).or_else(ago)
}

/// The units of a time that is so long ago, in seconds.
pub(super) const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// So many seconds, minutes, hours, or days: `90s`, `15m`, `2h`, `7d`.
///
/// ```
/// use audit_core::query::language::span;
/// assert_eq!(span("7d"), span("168h"));
/// assert_eq!(span("a week"), None);
/// ```
#[must_use]
pub fn span(text: &str) -> Option<TimeDelta> {
    UNITS.iter().find_map(|(unit, seconds)| {
        let count: u32 = text.strip_suffix(*unit)?.parse().ok()?;
        TimeDelta::try_seconds(i64::from(count).checked_mul(*seconds)?)
    })
}

/// That there is no field of this name, and which there is.
fn unknown(name: &str, key: Option<&str>) -> String {
    let written = key.map_or_else(|| name.to_owned(), |key| format!("{name}.{key}"));
    if ["label", "parent", "resources"].contains(&&*written) {
        return format!("`{written}` needs a key, as in `{written}.key:text`");
    }
    let all = NAMES.iter().chain(&OTHERS);
    let nearest = all.min_by_key(|name| strsim::levenshtein(name, &written));
    match nearest.filter(|name| strsim::levenshtein(name, &written) <= 2) {
        Some(nearest) => format!("there is no field `{written}`, did you mean `{nearest}`?"),
        None => format!("there is no field `{written}`; to look for it as text, put it in quotes"),
    }
}

type Input<'a> = LocatingSlice<&'a str>;

fn spaces(input: &mut Input<'_>) -> ModalResult<()> {
    multispace0.void().parse_next(input)
}

fn written(input: &mut Input<'_>) -> ModalResult<Written> {
    let is_negated = opt('-').parse_next(input)?.is_some();
    let at = input.current_token_start();
    let field = opt(terminated(name, ':')).parse_next(input)?;
    let more = repeat(0.., preceded(',', cut_err(value)));
    let (first, more): (Value, Vec<Value>) = (value, more).parse_next(input)?;
    let values = [vec![first], more].concat();
    match spaces_or_end(input) {
        true => Ok(Written { at, is_negated, field, values }),
        false => Err(ErrMode::Backtrack(ContextError::new())),
    }
}

/// Passes over the spaces between two parts.
fn spaces_or_end(input: &mut Input<'_>) -> bool {
    let before = input.eof_offset();
    let _ = spaces(input);
    input.is_empty() || input.eof_offset() < before
}

fn name(input: &mut Input<'_>) -> ModalResult<(String, Option<String>)> {
    let word = || take_while(1.., |c: char| c.is_ascii_alphanumeric() || "_-".contains(c));
    let key = alt((
        quoted,
        take_while(1.., |c: char| c.is_alphanumeric() || "_-.".contains(c)).map(str::to_owned),
    ));
    (word().map(str::to_owned), opt(preceded('.', key))).parse_next(input)
}

fn value(input: &mut Input<'_>) -> ModalResult<Value> {
    let at = input.current_token_start();
    let bare = take_while(1.., |c: char| !c.is_whitespace() && !"\",*".contains(c));
    let (text, is_quoted) = alt((
        quoted.map(|text| (text, true)),
        bare.map(|text: &str| (text.to_owned(), false)),
        // A star alone is any value.
        peek('*').map(|_| (String::new(), false)),
    ))
    .parse_next(input)?;
    let is_open = opt('*').parse_next(input)?.is_some();
    Ok(Value { at, text, is_quoted, is_open })
}

fn quoted(input: &mut Input<'_>) -> ModalResult<String> {
    let sign = alt((preceded('\\', any), none_of(['"', '\\'])));
    delimited('"', repeat(0.., sign), '"').parse_next(input)
}

/// Whether a text begins with quotes that do not end.
fn unclosed(text: &str) -> bool {
    text.starts_with('"') && quoted(&mut LocatingSlice::new(text)).is_err()
}
