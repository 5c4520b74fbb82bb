//! What the layer records of requests, beside what audited functions do.

mod handle;
mod rule;

use http::Method;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

pub use self::handle::PolicyHandle;
pub use self::rule::Rule;
use self::rule::Share;
pub(crate) use self::rule::{Asked, Ended, Level};
use audit_core::Outcome;

/// The action of an event that the layer records by itself.
pub const REQUEST_ACTION: &str = "http.request";

/// Most bytes of a policy as JSON: it stands whole in the entry that says that it is in force now, beside the one before.
const MAX_POLICY: usize = 24_576;

/// What the layer records of requests: ordered rules, of which the first that is for a request counts.
///
/// Where none of them is, the default ones are asked. They record every request for a change (any method but GET, HEAD,
/// OPTIONS, TRACE) and whatever was refused (401, 403, or a denial), where no audited function has done so. What an audited
/// function records is recorded in any case; a rule can add to it what was asked for.
///
/// In TOML:
///
/// ```
/// use audit_tower::Policy;
///
/// let policy = Policy::from_toml(r#"
///     [[rule]]
///     record = "none"               # none, metadata, or request
///     reason = "says only that it runs"
///     routes = ["/health", "/assets/*"]
///
///     [[rule]]
///     record = "request"            # as metadata, and headers and body
///     methods = ["POST"]
///     routes = ["/login"]
///     headers = ["content-type"]
///     body = 4096                   # bytes, at most 16384
///     redact = ["code"]             # beside password, token, ..
///
///     [[rule]]
///     record = "metadata"           # also: actions, actors, outcomes
///     statuses = [404, "5xx"]
/// "#)?;
/// # let _ = policy;
/// # Ok::<(), audit_tower::PolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The last ones are the default.
    rules: Vec<Rule>,
}

/// A policy that is not to be had: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy is not used{}: {why}", place(*.rule, *.position))]
pub struct PolicyError {
    /// Which of its rules, counted from 1, where it is one of them.
    pub rule: Option<usize>,
    /// Line and column, counted from 1, where it was read from a text.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub why: String,
}

fn place(rule: Option<usize>, position: Option<(usize, usize)>) -> String {
    let rule = rule.map(|rule| format!(", rule {rule}"));
    let position = position.map(|(line, column)| format!(", line {line}, column {column}"));
    [position, rule].into_iter().flatten().collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Rule>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { rules: Vec::from(default_rules()) }
    }
}

fn default_rules() -> [Rule; 3] {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
    [
        Rule::metadata().outcomes([Outcome::Denied]),
        // RFC 9110, section 9.2.1; whatever else there is may change something. No reason: a read that nobody has thought
        // of is not exempt, it is not covered.
        Rule::of(Level::None).methods(reads),
        Rule::metadata(),
    ]
}

impl Policy {
    /// A policy of rules that are asked in this order, and before the default ones.
    ///
    /// # Errors
    /// Where a rule contradicts itself: what is wrong is said in words that also fit the rule as it would stand in TOML.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, PolicyError> {
        let mut rules: Vec<_> = rules.into_iter().collect();
        for (number, rule) in (1..).zip(&rules) {
            if let Some(why) = rule.mistake() {
                return Err(PolicyError { rule: Some(number), position: None, why });
            }
        }
        rules.extend(default_rules());
        let policy = Self { rules };
        let size = policy.as_value().to_string().len();
        if size > MAX_POLICY {
            let why = format!(
                "it takes {size} bytes as JSON, and {MAX_POLICY} is the most: \
                               use patterns such as `/assets/*`"
            );
            return Err(PolicyError { rule: None, position: None, why });
        }
        Ok(policy)
    }

    /// Reads a policy from TOML.
    ///
    /// # Errors
    /// Where the text is no TOML, or no policy; the error says at which line and column.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let File { rule: rules } = toml::from_str(text).map_err(|error| PolicyError {
            rule: None,
            position: error.span().map(|span| position(text, span.start)),
            why: error.message().to_owned(),
        })?;
        let places: Vec<_> = rules.iter().map(|rule| rule.span().start).collect();
        Self::new(rules.into_iter().map(Spanned::into_inner)).map_err(|error| {
            let at = error.rule.and_then(|rule| places.get(rule - 1));
            PolicyError { position: at.map(|&at| position(text, at)), ..error }
        })
    }

    /// The rules, the default ones at the end, as they stand in an entry.
    fn as_value(&self) -> Value {
        serde_json::to_value(&self.rules).unwrap_or_default()
    }

    /// The first rule that is for a request.
    pub(crate) fn rule(&self, asked: Asked<'_>, ended: Ended<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.is_for(asked, ended))
    }

    /// Whether a request is recorded that no audited function has recorded.
    pub(crate) fn records(&self, asked: Asked<'_>, ended: Ended<'_>) -> bool {
        self.rule(asked, ended).is_none_or(|rule| rule.record != Level::None)
    }

    /// Whether something of what was asked for may be recorded of any request: mostly nothing is.
    pub(crate) fn is_curious(&self) -> bool {
        self.rules.iter().any(|rule| rule.record == Level::Request)
    }

    /// The rules by which something of what was asked for may be recorded.
    pub(crate) fn wanting<'a>(&'a self, asked: Asked<'a>) -> impl Iterator<Item = &'a Rule> {
        let mut is_settled = false;
        let rules = self.rules.iter().take_while(move |rule| {
            let was_settled = is_settled;
            // One by which nothing is recorded is not for refusals.
            let decides = rule.is_settled_early() && rule.record != Level::None;
            is_settled |= rule.may_be_for(asked) && decides;
            !was_settled
        });
        rules.filter(move |rule| rule.record == Level::Request && rule.may_be_for(asked))
    }

    /// What becomes of a request that goes well, as far as this depends on nothing but method and route.
    pub(crate) fn promises(&self, asked: Asked<'_>) -> Promise<'_> {
        let mut except = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.may_be_for(asked)) {
            match (rule.record, rule.is_for_success(), rule.reason.as_deref()) {
                (_, Share::None, _) => {}
                (Level::None, Share::All, Some(reason)) => return Promise::Exempt(reason),
                (Level::None, Share::Part, Some(reason)) => except.push(reason),
                (Level::None, _, None) => return Promise::Nothing,
                (_, Share::All, _) => return Promise::Recorded { except },
                // It cannot be counted on for the others.
                (_, Share::Part, _) => {}
            }
        }
        Promise::Nothing
    }
}

/// What a policy does with the requests to a route that go well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Promise<'a> {
    /// They are recorded, but for some that are left out for these reasons.
    Recorded {
        except: Vec<&'a str>,
    },
    /// They are left out, for a reason.
    Exempt(&'a str),
    Nothing,
}

/// Line and column of a byte, counted from 1; columns are characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests;
