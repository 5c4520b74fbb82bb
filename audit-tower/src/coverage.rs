//! Of which routes something is recorded, and of which nothing is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use serde::Serialize;

use crate::policy::{Asked, Policy, Promise};

/// A route of the application, and what the application says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its pattern, as the router has it: `/invoices/{id}`.
    pub pattern: String,
    /// What is said of it.
    pub declared: Declared,
}

/// What an application says of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// An audited function records its requests, with this action. A layer that [knows](crate::AuditLayer::routes) the
    /// route holds it to that.
    Audited(&'static str),
    /// Whatever the policy says.
    ByPolicy,
    /// Its requests need not be recorded, for this reason. The policy may record them all the same.
    Exempt(&'static str),
}

/// Which routes are recorded, and how: the inventory of a log. Made by [`coverage`], or by a layer at work
/// ([`AuditLayer::coverage`](crate::AuditLayer::coverage)), which knows more.
///
/// Shown, it is a table in Markdown; serialised, an array of objects with `method`, `route`, `recorded` (`attribute`,
/// `policy`, `exempt` or `no`), and `action`, `except` or `reason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Coverage {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    method: String,
    route: String,
    #[serde(flatten)]
    recorded: Recorded,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "recorded", rename_all = "lowercase")]
enum Recorded {
    Attribute {
        action: &'static str,
    },
    Policy {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        except: Vec<String>,
    },
    Exempt {
        reason: String,
    },
    No {
        reason: String,
    },
}

/// What becomes of the requests to some routes that go well. Refusals and failures have their own rules.
///
/// ```
/// use audit_tower::{Declared, Policy, Route, assert_covered, coverage};
/// use http::Method;
///
/// let route = |method, pattern: &str, declared| Route { method, pattern: pattern.into(), declared };
/// let routes = [
///     route(Method::POST, "/invoices", Declared::Audited("invoice.create")),
///     route(Method::PUT, "/notes/{id}", Declared::ByPolicy),
///     route(Method::GET, "/health", Declared::Exempt("says only that it runs")),
/// ];
/// assert_covered!(coverage(&routes, &Policy::default()));
///
/// let forgotten = [route(Method::GET, "/salaries", Declared::ByPolicy)];
/// let coverage = coverage(&forgotten, &Policy::default());
/// assert_eq!(coverage.uncovered(), ["GET /salaries: no rule of the policy records it, and nothing says why not"]);
/// ```
#[must_use]
pub fn coverage<'a>(routes: impl IntoIterator<Item = &'a Route>, policy: &Policy) -> Coverage {
    let rows = routes.into_iter().map(|route| {
        let asked = Asked { method: &route.method, route: Some(&route.pattern) };
        let recorded = match (route.declared, policy.promises(asked)) {
            (Declared::Audited(action), _) => Recorded::Attribute { action },
            (_, Promise::Recorded { except }) => {
                Recorded::Policy { except: except.into_iter().map(str::to_owned).collect() }
            }
            (Declared::Exempt(reason), _) | (_, Promise::Exempt(reason)) => {
                Recorded::Exempt { reason: reason.to_owned() }
            }
            (Declared::ByPolicy, Promise::Nothing) => Recorded::No {
                reason: "no rule of the policy records it, and nothing says why not".to_owned(),
            },
        };
        Row { method: route.method.to_string(), route: route.pattern.clone(), recorded }
    });
    Coverage { rows: rows.collect() }
}

impl Coverage {
    /// The routes of which nothing is recorded and nothing says why: method, route, and what is wrong.
    #[must_use]
    pub fn uncovered(&self) -> Vec<String> {
        let uncovered = self.rows.iter().filter_map(|row| match &row.recorded {
            Recorded::No { reason } => Some(format!("{} {}: {reason}", row.method, row.route)),
            _ => None,
        });
        uncovered.collect()
    }

    /// Says of a route that it is not covered, whatever was declared.
    fn deny(&mut self, method: &str, route: &str, reason: String) {
        let recorded = Recorded::No { reason };
        match self.rows.iter_mut().find(|row| row.method == method && row.route == route) {
            Some(row) => row.recorded = recorded,
            None => {
                self.rows.push(Row {
                    method: method.to_owned(),
                    route: route.to_owned(),
                    recorded,
                });
            }
        }
    }
}

/// A table in Markdown.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What would end a cell.
        let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
        writeln!(f, "| method | route | recorded |\n|---|---|---|")?;
        for Row { method, route, recorded } in &self.rows {
            let recorded = match recorded {
                Recorded::Attribute { action } => format!("by attribute, as `{action}`"),
                Recorded::Policy { except } if except.is_empty() => "by policy".to_owned(),
                Recorded::Policy { except } => {
                    format!("by policy, except: {}", cell(&except.join("; ")))
                }
                Recorded::Exempt { reason } => format!("exempt: {}", cell(reason)),
                Recorded::No { reason } => format!("**NOT covered**: {}", cell(reason)),
            };
            writeln!(f, "| {} | {} | {recorded} |", cell(method), cell(route))?;
        }
        Ok(())
    }
}

/// Fails a test where a [`Coverage`] has a route of which nothing is recorded and nothing says why, and names all of
/// them.
#[macro_export]
macro_rules! assert_covered {
    ($coverage:expr $(,)?) => {{
        let uncovered = $coverage.uncovered();
        ::core::assert!(
            uncovered.is_empty(),
            "nothing is recorded of these routes:\n  {}\nAnnotate a function with `#[audited]` and declare them \
             `Audited`, give the policy a rule, or declare them `Exempt` with the reason",
            uncovered.join("\n  "),
        );
    }};
}

/// The routes that a layer knows, and what has been seen of them.
#[derive(Debug)]
pub(crate) struct Watch {
    routes: Vec<Route>,
    declared: BTreeMap<(String, String), Declared>,
    /// What the requests have shown not to be so.
    wrong: Mutex<BTreeMap<(String, String), String>>,
}

impl Watch {
    pub(crate) fn over(routes: impl IntoIterator<Item = Route>) -> Self {
        let routes: Vec<_> = routes.into_iter().collect();
        let declared = routes
            .iter()
            .map(|route| ((route.method.to_string(), route.pattern.clone()), route.declared));
        Self { declared: declared.collect(), routes, wrong: Mutex::default() }
    }

    /// Compares what is declared with a request that went well: the action of what an audited function has recorded of
    /// it, if there was one. Says what is wrong, and keeps it.
    pub(crate) fn compare(&self, asked: Asked<'_>, action: Option<&str>) -> Option<String> {
        let route = asked.route?;
        // Where a route has GET, it answers HEAD as well; and OPTIONS is not the application's.
        let method = match *asked.method {
            Method::OPTIONS => return None,
            Method::HEAD => Method::GET.to_string(),
            ref other => other.to_string(),
        };
        let place = (method, route.to_owned());
        let why = match (self.declared.get(&place), action) {
            (None, _) => "the route is not declared".to_owned(),
            (Some(Declared::Audited(declared)), None) => {
                format!("it was answered, and no audited function has recorded `{declared}`")
            }
            (Some(Declared::Audited(declared)), Some(action)) if *declared != action => {
                format!("an audited function has recorded `{action}` in place of `{declared}`")
            }
            _ => return None,
        };
        self.wrong().entry(place).or_insert_with(|| why.clone());
        Some(why)
    }

    pub(crate) fn coverage(&self, policy: &Policy) -> Coverage {
        let mut coverage = coverage(&self.routes, policy);
        for ((method, route), why) in &*self.wrong() {
            coverage.deny(method, route, why.clone());
        }
        coverage
    }

    fn wrong(&self) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
