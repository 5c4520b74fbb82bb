//! From where an operation was asked for.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::text::{Altered, MAX_ID, MAX_NAME, MAX_USER_AGENT, MAX_WORD, as_line, line, note};
use super::words::SourceSystem;

/// Facts of the request behind an event. IP address and user agent are personal.
///
/// Knows no HTTP: a layer fills it in. Every text is scrubbed and cut as it is set.
///
/// ```
/// use audit_core::RequestInfo;
/// let request = RequestInfo::new().method("POST").route("/invoices/{id}").ip([127, 0, 0, 1].into());
/// ```
#[derive(Clone, Default)]
pub struct RequestInfo {
    // Shared, because one request's facts serve all its events.
    facts: Arc<Facts>,
}

#[derive(Clone, Default)]
pub(crate) struct Facts {
    texts: Texts,
    id: Option<Place>,
    correlation_id: Option<Place>,
    trace_id: Option<Place>,
    span_id: Option<Place>,
    session: Option<Place>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<Place>,
    method: Option<Place>,
    route: Option<Place>,
    host: Option<Place>,
    pub(crate) altered: Altered,
}

/// All texts, one behind the other: a request has many.
#[derive(Clone)]
struct Texts {
    /// Those of most requests have room here.
    near: [u8; NEAR],
    used: usize,
    /// What has not.
    far: String,
}

const NEAR: usize = 256;

/// Where one of them begins and ends; those that are far as if they stood behind the others.
pub(crate) type Place = (u16, u16);

impl Default for Texts {
    fn default() -> Self {
        Self { near: [0; NEAR], used: 0, far: String::new() }
    }
}

impl Texts {
    fn len(&self) -> usize {
        self.used.saturating_add(self.far.len())
    }

    /// Nothing where there is no room for it at all, as where texts are set again and again.
    fn push(&mut self, text: &str) -> Option<Place> {
        let (start, end) = (self.used, self.used.saturating_add(text.len()));
        let (start, end) = match self.near.get_mut(start..end) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                self.used = end;
                (start, end)
            }
            None => {
                let start = NEAR.saturating_add(self.far.len());
                self.far.push_str(text);
                (start, start.saturating_add(text.len()))
            }
        };
        Some((start.try_into().ok()?, end.try_into().ok()?))
    }

    fn get(&self, (start, end): Place) -> Option<&str> {
        let (start, end) = (usize::from(start), usize::from(end));
        match start.checked_sub(NEAR) {
            None => str::from_utf8(self.near.get(start..end)?).ok(),
            Some(far) => self.far.get(far..end.checked_sub(NEAR)?),
        }
    }
}

impl PartialEq for RequestInfo {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&*self.facts, &*other.facts);
        a.all() == b.all() && a.ip == b.ip && a.altered == b.altered
    }
}

impl Eq for RequestInfo {}

/// Without what is personal.
impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("id", &self.facts.id())
            .field("method", &self.facts.method())
            .field("route", &self.facts.route())
            .finish_non_exhaustive()
    }
}

macro_rules! request_texts {
    ($($(#[$doc:meta])* $name:ident, $limit:expr, $pointer:literal;)+) => {
        impl RequestInfo {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: impl AsRef<str>) -> Self {
                    let facts = Arc::make_mut(&mut self.facts);
                    facts.$name = facts.place($name.as_ref(), $limit, $pointer);
                    self
                }
            )+
        }

        impl Facts {
            $(
                pub(crate) fn $name(&self) -> Option<&str> {
                    self.text(self.$name)
                }
            )+

            fn all(&self) -> [Option<&str>; 9] {
                [$(self.$name(),)+]
            }
        }
    };
}

request_texts! {
    /// The request's id.
    id, MAX_ID, "/request/id";
    /// The id that several requests of one undertaking share.
    correlation_id, MAX_ID, "/request/correlation_id";
    /// W3C trace id.
    trace_id, MAX_WORD, "/request/trace_id";
    /// W3C span id.
    span_id, MAX_WORD, "/request/span_id";
    /// A keyed hash of the session's id: never the id itself, which is a secret.
    session, MAX_WORD, "/request/session";
    /// The client's user agent. Personal.
    user_agent, MAX_USER_AGENT, "/request/user_agent";
    /// The method.
    method, MAX_WORD, "/request/method";
    /// The route as a pattern (`/invoices/{id}`), not the path.
    route, MAX_ID, "/request/route";
    /// The host that was asked.
    host, MAX_NAME, "/request/host";
}

impl RequestInfo {
    /// A request of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The client's address, brought to its canonical form (`::ffff:10.0.0.1` is 10.0.0.1). Personal.
    #[must_use]
    pub fn ip(mut self, ip: IpAddr) -> Self {
        Arc::make_mut(&mut self.facts).ip = Some(ip.to_canonical());
        self
    }

    /// Notes that a member does not stand as it came, for a reason that its setter cannot see: a
    /// request id that was refused, a user agent that was no text.
    #[must_use]
    pub fn altered(mut self, pointer: &'static str) -> Self {
        note(&mut Arc::make_mut(&mut self.facts).altered, pointer);
        self
    }

    /// The request's id, where it is known.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.facts.id()
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl Facts {
    /// No fewer bytes than its texts take, in quotes.
    pub(super) fn length(&self) -> usize {
        self.texts.len().saturating_add(9 * 3)
    }

    fn text(&self, place: Option<Place>) -> Option<&str> {
        self.texts.get(place?)
    }

    fn place(&mut self, text: &str, limit: usize, pointer: &'static str) -> Option<Place> {
        let text = as_line(text, limit, pointer, &mut self.altered);
        let place = self.texts.push(&text);
        if place.is_none() {
            note(&mut self.altered, pointer);
        }
        place
    }
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $name:ident, $limit:expr, $pointer:literal;)+) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: impl Into<String>) -> Self {
                self.$name = Some(line($name, $limit, $pointer, &mut self.altered));
                self
            }
        )+
    };
}

/// The program that an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub(crate) system: SourceSystem,
    pub(crate) service: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) altered: Altered,
}

impl Source {
    /// A source of a kind, with no name yet.
    #[must_use]
    pub fn new(system: SourceSystem) -> Self {
        Self { system, service: None, version: None, instance: None, altered: Vec::new() }
    }

    text_setters! {
        /// The service's name.
        service, MAX_NAME, "/source/service";
        /// The service's version.
        version, MAX_WORD, "/source/version";
        /// Which of its instances.
        instance, MAX_NAME, "/source/instance";
    }
}
