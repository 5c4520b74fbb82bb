//! One rule of a policy: which requests it is for, and how much of them is recorded.

use std::fmt::{self, Display};
use std::iter;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::str::FromStr;

use audit_core::Outcome;
use http::{HeaderName, Method, StatusCode};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Most bytes of a body that a rule may ask for. As a text within a text they may take twice that, and an event has
/// room for 65,535.
pub(super) const MAX_BODY: usize = 16_384;

/// A rule of a [`Policy`](super::Policy). Each of its conditions holds where the request has one of the values named; a
/// condition that is not set always holds.
///
/// A pattern is a text, or with a `*` at its end, all that begins like it.
///
/// ```
/// use audit_tower::Rule;
/// use http::{Method, header};
///
/// let health = Rule::none("says only that it runs").routes(["/health"]);
/// let logins = Rule::request()
///     .methods([Method::POST])
///     .routes(["/login"])
///     .headers([header::CONTENT_TYPE])
///     .body(4_096)
///     .redact(["code"]);
/// let failures = Rule::metadata().statuses([500..=599]);
/// # let _ = (health, logins, failures);
/// ```
#[must_use = "a rule is handed to `Policy::new`"]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub(crate) record: Level,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    methods: Option<Vec<Word<Method>>>,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    routes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<String>>,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    actors: Option<Vec<String>>,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    outcomes: Option<Vec<Word<Outcome>>>,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    statuses: Option<Vec<Word<Statuses>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Word<HeaderName>>,
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(crate) body: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redact: Vec<String>,
}

/// A condition that is there is a list, also where a format has a word for nothing.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(list: D) -> Result<Option<T>, D::Error> {
    T::deserialize(list).map(Some)
}

fn is_nothing(bytes: &usize) -> bool {
    *bytes == 0
}

/// How much of a request is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Nothing, unless an audited function says something.
    None,
    /// Who, from where, and how it was answered.
    Metadata,
    /// This, and what was asked for: headers, body.
    Request,
}

/// What is known of a request when it arrives.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: Option<&'a str>,
}

/// What is known of a request when it has been answered, or never will be.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) action: &'a str,
    pub(crate) actor: Option<&'a str>,
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<StatusCode>,
}

impl Rule {
    /// Records nothing of such requests, for a reason; but for those that are refused, unless the rule names outcomes or
    /// statuses. The reason is shown where somebody asks what is
    /// [covered](crate::Coverage). What an audited function records is recorded all the same.
    pub fn none(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::of(Level::None) }
    }

    /// Records of such requests who asked, from where, for what route, and how they were answered.
    pub fn metadata() -> Self {
        Self::of(Level::Metadata)
    }

    /// Records the same, and what was asked for: the [headers](Self::headers) that are named and, up to a
    /// [limit](Self::body), the body. Both stand in the event's metadata, as personal values.
    pub fn request() -> Self {
        Self::of(Level::Request)
    }

    pub(super) fn of(record: Level) -> Self {
        Self {
            record,
            reason: None,
            methods: None,
            routes: None,
            actions: None,
            actors: None,
            outcomes: None,
            statuses: None,
            headers: Vec::new(),
            body: 0,
            redact: Vec::new(),
        }
    }

    /// For requests with one of these methods.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.get_or_insert_default().extend(methods.into_iter().map(Word));
        self
    }

    /// For requests to one of these routes: patterns over the route's own pattern (`/invoices/{id}`), not over paths.
    pub fn routes(mut self, routes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.routes.get_or_insert_default().extend(routes.into_iter().map(Into::into));
        self
    }

    /// For requests whose event has one of these actions: that of the audited function, or
    /// [`REQUEST_ACTION`](crate::REQUEST_ACTION) where there was none.
    pub fn actions(mut self, actions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.actions.get_or_insert_default().extend(actions.into_iter().map(Into::into));
        self
    }

    /// For requests of an actor with one of these ids.
    pub fn actors(mut self, actors: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.actors.get_or_insert_default().extend(actors.into_iter().map(Into::into));
        self
    }

    /// For requests that ended in one of these ways.
    pub fn outcomes(mut self, outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        self.outcomes.get_or_insert_default().extend(outcomes.into_iter().map(Word));
        self
    }

    /// For requests that were answered by a status in one of these ranges.
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        self.statuses.get_or_insert_default().extend(statuses.into_iter().map(Statuses).map(Word));
        self
    }

    /// Records these headers of the request, each up to 1,024 bytes, and 4,096 of all. Of those that are secret, or whose
    /// name tells it (`Authorization`, `Cookie`, `X-Api-Key`), only that they were there.
    pub fn headers(mut self, headers: impl IntoIterator<Item = HeaderName>) -> Self {
        self.headers.extend(headers.into_iter().map(Word));
        self
    }

    /// Records the body of the request, if it is JSON or a form, as far as it was read by what is inside, and has at most
    /// so many bytes: 16,384 at the most. It is seen where it is axum's `Body`, and
    /// kept until the request has ended, of each request that the rule may be for.
    ///
    /// Members whose name tells that they are secret (`password`, `token`, ..) are taken out.
    pub fn body(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// Takes members with these names out of the body, too, however deep they are; also where one is a word of a longer name, or
    /// several: `code` is also that of `otpCode`, `otp_codes` and `CODE-2`, and not that of `otpcode` or `encoder`.
    pub fn redact(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.redact.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether the rule may be for such a request, as far as can be told when it arrives.
    pub(super) fn may_be_for(&self, asked: Asked<'_>) -> bool {
        // Who answers GET answers HEAD as well, by the same handler.
        let is_read = |method: &Method| *asked.method == Method::HEAD && *method == Method::GET;
        holds(self.methods.as_deref(), |method| method.0 == *asked.method || is_read(&method.0))
            && holds(self.routes.as_deref(), |route| {
                asked.route.is_some_and(|asked| fits(route, asked))
            })
    }

    /// Whether it needs nothing else to be for it.
    pub(super) fn is_settled_early(&self) -> bool {
        self.actions.is_none()
            && self.actors.is_none()
            && self.outcomes.is_none()
            && self.statuses.is_none()
    }

    /// Whether it is for those of such requests that go well, as far as nobody need know whose they are.
    pub(super) fn is_for_success(&self) -> Share {
        let outcomes = holds(self.outcomes.as_deref(), |outcome| outcome.0 == Outcome::Success);
        let is_any =
            |status| holds(self.statuses.as_deref(), |statuses| statuses.0.0.contains(&status));
        // Of those below 200, this one is an answer.
        let mut well = iter::once(101).chain(200..400);
        let (some, all) = (well.clone().any(is_any), well.all(is_any));
        if !outcomes || !some {
            Share::None
        } else if all && self.actions.is_none() && self.actors.is_none() {
            Share::All
        } else {
            Share::Part
        }
    }

    pub(super) fn is_for(&self, asked: Asked<'_>, ended: Ended<'_>) -> bool {
        // That somebody was refused is left out by nobody who has not thought of it.
        let is_careless = self.record == Level::None
            && ended.outcome == Outcome::Denied
            && self.outcomes.is_none()
            && self.statuses.is_none();
        !is_careless
            && self.may_be_for(asked)
            && holds(self.actions.as_deref(), |action| fits(action, ended.action))
            && holds(self.actors.as_deref(), |actor| {
                ended.actor.is_some_and(|ended| fits(actor, ended))
            })
            && holds(self.outcomes.as_deref(), |outcome| outcome.0 == ended.outcome)
            && holds(self.statuses.as_deref(), |statuses| {
                ended.status.is_some_and(|status| statuses.0.0.contains(&status.as_u16()))
            })
    }

    pub(crate) fn chosen_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|name| &name.0)
    }

    /// The names that it takes out of a body.
    pub(crate) fn redacted_names(&self) -> &[String] {
        &self.redact
    }

    /// What is wrong with it, if anything.
    pub(super) fn mistake(&self) -> Option<String> {
        let asks_for_more = !self.headers.is_empty() || self.body > 0 || !self.redact.is_empty();
        let reason = self.reason.as_deref().unwrap_or_default();
        let is_method = |method: &Word<Method>| {
            method.0.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        };
        let mut patterns = self.routes.iter().chain(&self.actions).flatten();
        let is_dead = |pattern: &&String| {
            let beginning = pattern.strip_suffix('*').unwrap_or(pattern);
            beginning.replace("{*", "{").contains('*')
        };
        let conditions = [
            ("methods", is_empty(self.methods.as_deref())),
            ("routes", is_empty(self.routes.as_deref())),
            ("actions", is_empty(self.actions.as_deref())),
            ("actors", is_empty(self.actors.as_deref())),
            ("outcomes", is_empty(self.outcomes.as_deref())),
            ("statuses", is_empty(self.statuses.as_deref())),
        ];
        if let Some((name, _)) = conditions.into_iter().find(|(_, is_empty)| *is_empty) {
            Some(format!(
                "`{name}` names none, and the rule is for nothing: name one, or leave it out"
            ))
        } else if let Some(method) = self.methods.iter().flatten().find(|method| !is_method(method))
        {
            Some(format!("`{}` is no method: they are upper-case, as in `GET`", method.0))
        } else if let Some(route) =
            self.routes.iter().flatten().find(|route| !route.starts_with(['/', '*']))
        {
            Some(format!("the route `{route}` does not begin with `/`, as in `/invoices/{{id}}`"))
        } else if let Some(pattern) = patterns.find(is_dead) {
            Some(format!("`{pattern}` is for nothing: `*` stands at the end of a pattern"))
        } else if let Some(Word(Statuses(range))) =
            self.statuses.iter().flatten().find(|statuses| statuses.0.0.is_empty())
        {
            Some(format!("there is no status from {} to {}", range.start(), range.end()))
        } else if self.record == Level::None && reason.trim().is_empty() {
            Some(
                "`record = \"none\"` needs a `reason`, for those who ask what is not covered"
                    .into(),
            )
        } else if self.record == Level::None && self.actions.is_some() {
            Some("`record = \"none\"` is not for actions: what an audited function records is recorded. Name \
                 routes, or take the function's attribute away"
                .into())
        } else if self.record != Level::Request && asks_for_more {
            Some("`headers`, `body` and `redact` need `record = \"request\"`".into())
        } else if self.body > MAX_BODY {
            Some(format!(
                "`body = {}` is more than the {MAX_BODY} bytes for which an event has room",
                self.body
            ))
        } else {
            None
        }
    }
}

/// Of how many requests something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    None,
    Part,
    All,
}

/// Whether a condition is not set, or holds for one of its values.
fn holds<T>(values: Option<&[T]>, is_it: impl FnMut(&T) -> bool) -> bool {
    values.is_none_or(|values| values.iter().any(is_it))
}

/// Whether a condition is set, and holds for nothing.
fn is_empty<T>(values: Option<&[T]>) -> bool {
    values.is_some_and(<[T]>::is_empty)
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => text == pattern,
    }
}

/// A value that stands in a policy as a word.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word<T>(T);

impl<T: Display> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Not `String::deserialize`: what goes wrong in here has a place in the text.
        struct Parsed<T>(PhantomData<T>);

        impl<T: FromStr<Err: Display>> Visitor<'_> for Parsed<T> {
            type Value = Word<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Word<T>, E> {
                word.parse().map(Word).map_err(|why| E::custom(format!("`{word}`: {why}")))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word<T>, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Parsed(PhantomData))
    }
}

/// A range of statuses: `404`, `"4xx"`, `"500-599"`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statuses(RangeInclusive<u16>);

impl FromStr for Statuses {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let status = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status));
        let range = match text.strip_suffix("xx") {
            Some(hundreds) => status(&format!("{hundreds}00")).map(|first| first..=first + 99),
            None => match text.split_once('-') {
                Some((first, last)) => status(first).zip(status(last)).map(|(a, b)| a..=b),
                None => status(text).map(|status| status..=status),
            },
        };
        range.map(Self).ok_or("no status: write 404, \"4xx\" or \"500-599\"")
    }
}

impl Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}
