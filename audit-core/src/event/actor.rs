//! Who acted.

use super::text::{Altered, MAX_ID, MAX_ITEMS, MAX_NAME, MAX_WORD, line};
use super::words::ActorKind;
use std::fmt;

/// Who did something: a person, a service, an agent, the system.
///
/// The id is opaque (an account number, not an e-mail address): it is searchable and stays for as long
/// as the log. Name and e-mail are personal: they stand in the log as salted commitments, beside which
/// the values can be erased.
///
/// ```
/// use audit_core::Actor;
/// let actor = Actor::user("u-17").name("Alice Adams").role("clerk").credential("session", "s-9f3a");
/// assert_eq!(actor.id(), "u-17");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    pub(crate) kind: ActorKind,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) credential: Option<Credential>,
    pub(crate) on_behalf_of: Vec<Principal>,
    pub(crate) altered: Altered,
}

/// Without what is personal.
impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Which of an actor's credentials was used: never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// A link of an `on_behalf_of` chain.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) kind: ActorKind,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
}

/// Without what is personal.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Actor {
    /// An actor of any kind; the id is opaque and at most [`MAX_ID`] bytes.
    #[must_use]
    pub fn new(kind: ActorKind, id: impl Into<String>) -> Self {
        let mut altered = Vec::new();
        Self {
            kind,
            id: line(id, MAX_ID, "/actor/id", &mut altered),
            name: None,
            email: None,
            roles: Vec::new(),
            credential: None,
            on_behalf_of: Vec::new(),
            altered,
        }
    }

    /// A person.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self::new(ActorKind::User, id)
    }

    /// Another program under its own identity.
    #[must_use]
    pub fn service(id: impl Into<String>) -> Self {
        Self::new(ActorKind::Service, id)
    }

    /// This program itself.
    #[must_use]
    pub fn system(id: impl Into<String>) -> Self {
        Self::new(ActorKind::System, id)
    }

    /// The name as it is now, so that the entry can still be read when the account is gone. Personal.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(line(name, MAX_NAME, "/actor/name", &mut self.altered));
        self
    }

    /// The e-mail address as it is now. Personal.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(line(email, MAX_NAME, "/actor/email", &mut self.altered));
        self
    }

    /// Adds a role that the actor held at that moment.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        if self.roles.len() < MAX_ITEMS {
            let role = line(role, MAX_NAME, "/actor/roles", &mut self.altered);
            self.roles.push(role);
        } else if !self.altered.contains(&"/actor/roles") {
            self.altered.push("/actor/roles");
        }
        self
    }

    /// Which credential was used, by its kind (`session`, `api_key`) and public id; never the secret.
    #[must_use]
    pub fn credential(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.credential = Some(Credential {
            kind: line(kind, MAX_WORD, "/actor/credential/kind", &mut self.altered),
            id: line(id, MAX_ID, "/actor/credential/id", &mut self.altered),
        });
        self
    }

    /// Adds whom the actor acted for (an impersonated user, a service's caller), nearest first. Only
    /// kind, id and name of `principal` are kept.
    #[must_use]
    pub fn on_behalf_of(mut self, principal: Self) -> Self {
        let cut = !principal.altered.is_empty() || self.on_behalf_of.len() >= MAX_ITEMS;
        if cut && !self.altered.contains(&"/actor/on_behalf_of") {
            self.altered.push("/actor/on_behalf_of");
        }
        if self.on_behalf_of.len() < MAX_ITEMS {
            self.on_behalf_of.push(Principal {
                kind: principal.kind,
                id: principal.id,
                name: principal.name,
            });
        }
        self
    }

    /// The kind of actor.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The opaque id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}
