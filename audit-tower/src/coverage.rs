//! Of which routes something is recorded, and of which nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use serde::Serialize;

use crate::policy::{Asked, Policy, Promise};

/// A route of the application, and what the application says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its pattern, as the router has it: `/invoices/{id}`; or [`NO_ROUTE`].
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
/// `policy`, `exempt` or `no`), and with what goes with that: `action` and `seen`, `except`, or `reason`.
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
        /// Whether a layer has seen it.
        #[serde(skip_serializing_if = "Option::is_none")]
        seen: Option<bool>,
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
        let pattern = Some(&*route.pattern).filter(|pattern| *pattern != NO_ROUTE);
        let asked = Asked { method: &route.method, route: pattern };
        let recorded = match (route.declared, policy.promises(asked)) {
            (Declared::Audited(action), _) => Recorded::Attribute { action, seen: None },
            (_, Promise::Recorded { except }) => {
                Recorded::Policy { except: except.into_iter().map(str::to_owned).collect() }
            }
            (Declared::Exempt(reason), _) if reason.trim().is_empty() => {
                Recorded::No { reason: "it is exempt, and nothing says why".to_owned() }
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

    /// The routes that are declared as audited, and of which no request has shown it yet: method, route, action. Only a
    /// layer knows of any.
    #[must_use]
    pub fn unproven(&self) -> Vec<String> {
        let unproven = self.rows.iter().filter_map(|row| match row.recorded {
            Recorded::Attribute { action, seen: Some(false) } => {
                Some(format!("{} {}: `{action}`", row.method, row.route))
            }
            _ => None,
        });
        unproven.collect()
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
                Recorded::Attribute { action, seen: Some(false) } => {
                    format!("by attribute, as `{action}`; not seen yet")
                }
                Recorded::Attribute { action, .. } => format!("by attribute, as `{action}`"),
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
    routes: Vec<Declaration>,
    /// Where in the list routes of a pattern are.
    patterns: BTreeMap<String, Vec<usize>>,
    /// Methods and patterns that were answered and are not declared. As many as the router has, at the most.
    undeclared: Mutex<BTreeSet<(&'static str, String)>>,
}

#[derive(Debug)]
struct Declaration {
    route: Route,
    /// Whether a request was recorded as it is declared.
    is_seen: AtomicBool,
    /// Whether one was not recorded by any audited function.
    is_broken: AtomicBool,
}

impl Watch {
    pub(crate) fn over(routes: impl IntoIterator<Item = Route>) -> Self {
        let of = |route| Declaration { route, is_seen: false.into(), is_broken: false.into() };
        let routes: Vec<_> = routes.into_iter().map(of).collect();
        let mut patterns: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, declaration) in routes.iter().enumerate() {
            patterns.entry(declaration.route.pattern.clone()).or_default().push(place);
        }
        Self { routes, patterns, undeclared: Mutex::default() }
    }

    /// The route of a request, if it is declared.
    fn find(&self, asked: Asked<'_>) -> Option<&Declaration> {
        let places = self.patterns.get(asked.route.unwrap_or(NO_ROUTE))?;
        let of = |method: &Method| {
            let mut of_pattern = places.iter().filter_map(|&place| self.routes.get(place));
            of_pattern.find(|declaration| declaration.route.method == *method)
        };
        // Where a route has GET, it answers HEAD as well.
        of(asked.method).or_else(|| of(&Method::GET).filter(|_| *asked.method == Method::HEAD))
    }

    /// Says what is wrong where a request went well and no audited function has recorded it, and keeps that.
    pub(crate) fn unrecorded(&self, asked: Asked<'_>) -> Option<String> {
        match self.find(asked) {
            // That is not the application's answer.
            None if *asked.method == Method::OPTIONS => None,
            None => {
                let place = (known(asked.method), asked.route.unwrap_or(NO_ROUTE).to_owned());
                self.undeclared().insert(place);
                Some(UNDECLARED.to_owned())
            }
            Some(Declaration {
                route: Route { declared: Declared::Audited(action), .. },
                is_broken,
                ..
            }) => {
                is_broken.store(true, Ordering::Relaxed);
                Some(broken(action))
            }
            Some(_) => None,
        }
    }

    /// The same where an audited function has recorded it, maybe after others, which are not known here.
    pub(crate) fn recorded(&self, asked: Asked<'_>, action: &str) -> Option<String> {
        let Some(declaration) = self.find(asked) else {
            return self.unrecorded(asked);
        };
        if matches!(declaration.route.declared, Declared::Audited(declared) if declared == action) {
            declaration.is_seen.store(true, Ordering::Relaxed);
        }
        None
    }

    /// The same, where it is not known with which action, which proves nothing.
    pub(crate) fn recorded_somehow(&self, asked: Asked<'_>) -> Option<String> {
        match self.find(asked) {
            Some(_) => None,
            None => self.unrecorded(asked),
        }
    }

    pub(crate) fn coverage(&self, policy: &Policy) -> Coverage {
        let mut coverage =
            coverage(self.routes.iter().map(|declaration| &declaration.route), policy);
        for (row, declaration) in coverage.rows.iter_mut().zip(&self.routes) {
            if let Recorded::Attribute { action, seen } = &mut row.recorded {
                *seen = Some(declaration.is_seen.load(Ordering::Relaxed));
                if declaration.is_broken.load(Ordering::Relaxed) {
                    row.recorded = Recorded::No { reason: broken(action) };
                }
            }
        }
        let row = |method: &str, route: &str, reason: &str| Row {
            method: method.to_owned(),
            route: route.to_owned(),
            recorded: Recorded::No { reason: reason.to_owned() },
        };
        if self.routes.is_empty() {
            let told = "the layer was told no routes: call `AuditLayer::routes`";
            coverage.rows.push(row("(any)", "(any)", told));
        }
        let undeclared = self.undeclared();
        let undeclared = undeclared.iter().map(|(method, route)| row(method, route, UNDECLARED));
        coverage.rows.extend(undeclared);
        coverage
    }

    fn undeclared(&self) -> MutexGuard<'_, BTreeSet<(&'static str, String)>> {
        self.undeclared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands for the pattern of a request without one: to a fallback, to a service that is nested, or where the layer is
/// outside of the router.
pub const NO_ROUTE: &str = "(no route)";

const UNDECLARED: &str = "it was answered, and is not declared";

fn broken(action: &str) -> String {
    format!("it was answered, and no audited function has recorded `{action}`")
}

/// The name of a method; of those that a client may make up, one for all.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "(other)",
    }
}

#[cfg(test)]
mod tests;
