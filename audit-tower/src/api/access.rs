//! Who may read the log, and how far.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use audit_core::Actor;
use audit_core::query::Scope;
use http::StatusCode;
use http::request::Parts;

use crate::problem::Problem;

/// Decides on each request to the log's API: who asks, what they may do, and what part of the log there is for them.
///
/// Functions are it that take a request's head and return a future, which does not borrow from the head. What the application's own
/// authentication has put into the request's extensions is there.
///
/// ```
/// use std::future::ready;
///
/// use audit_core::{Actor, query::Scope};
/// use audit_tower::api::{Access, Refused, Right};
/// use http::request::Parts;
///
/// #[derive(Clone)]
/// struct User { id: u64, tenant: String, is_auditor: bool }
///
/// let only_auditors = |head: &Parts| {
///     ready(match head.extensions.get::<User>() {
///         Some(user) if user.is_auditor => {
///             let scope = Scope::everything().tenant(&user.tenant);
///             Ok(Access::new(Actor::user(user.id.to_string()), [Right::Search, Right::Export], scope))
///         }
///         Some(_) => Err(Refused::Forbidden),
///         None => Err(Refused::Unauthenticated("Bearer")),
///     })
/// };
/// # let _ = |recorder| audit_tower::api::api(&recorder, only_auditors);
/// ```
pub trait Authorizer: Send + Sync + 'static {
    /// What this request may do; or why it may do nothing.
    fn authorize(
        &self,
        head: &Parts,
    ) -> impl Future<Output = Result<Access, Refused>> + Send + 'static;
}

impl<F, R> Authorizer for F
where
    F: Fn(&Parts) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Access, Refused>> + Send + 'static,
{
    fn authorize(
        &self,
        head: &Parts,
    ) -> impl Future<Output = Result<Access, Refused>> + Send + 'static {
        self(head)
    }
}

/// Any authorizer.
pub(super) trait Ask: Send + Sync {
    fn ask(&self, head: &Parts) -> Pin<Box<dyn Future<Output = Result<Access, Refused>> + Send>>;
}

impl<A: Authorizer> Ask for A {
    fn ask(&self, head: &Parts) -> Pin<Box<dyn Future<Output = Result<Access, Refused>> + Send>> {
        Box::pin(self.authorize(head))
    }
}

/// What somebody may do with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Right {
    /// To find and read entries, in their public view.
    Search,
    /// To see the sensitive view as well, and to ask for what only that has: addresses, sessions, states before and after.
    Sensitive,
    /// To take entries away.
    Export,
    /// To have logs verified, and to see what came of it. It takes a scope of everything.
    Verify,
    /// To see how the recorder does, and which routes are recorded. It takes a scope of everything.
    Manage,
}

impl Right {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Sensitive => "sensitive",
            Self::Export => "export",
            Self::Verify => "verify",
            Self::Manage => "manage",
        }
    }
}

/// Who asks, and what is theirs.
#[derive(Debug, Clone)]
pub struct Access {
    pub(super) actor: Actor,
    rights: BTreeSet<Right>,
    pub(super) scope: Scope,
}

impl Access {
    /// Somebody who has these rights, within this part of the log.
    pub fn new(actor: Actor, rights: impl IntoIterator<Item = Right>, scope: Scope) -> Self {
        Self { actor, rights: rights.into_iter().collect(), scope }
    }

    pub(super) fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}

/// Why a request may do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// Nobody knows who asks: 401, with this scheme of authentication as the challenge (`Bearer`, `Basic realm="audit"`).
    Unauthenticated(&'static str),
    /// They may not: 403.
    Forbidden,
    /// It cannot be told now: 503.
    Unavailable,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unauthenticated(scheme) => Self::new(
                StatusCode::UNAUTHORIZED,
                "Who asks is not known",
                "The audit log is read by people who say who they are.",
            )
            .challenge(scheme),
            Refused::Forbidden => Self::new(
                StatusCode::FORBIDDEN,
                "Not allowed",
                "Whoever asks has no right to read the audit log.",
            ),
            Refused::Unavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Rights cannot be told",
                "Whether this is allowed cannot be told now: try again later.",
            ),
        }
    }
}
