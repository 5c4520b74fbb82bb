//! From where an operation was asked for.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use super::text::{Altered, MAX_ID, MAX_NAME, MAX_USER_AGENT, MAX_WORD, is_printable, line, note};
use super::words::SourceSystem;

/// Facts of the request behind an event. IP addresses and user agent are personal.
///
/// Knows no HTTP: a layer fills it in. Every text is scrubbed and cut as it is set, and what is no UTF-8 in it replaced.
///
/// ```
/// use audit_core::RequestInfo;
/// let request = RequestInfo::new().method("POST").route("/invoices/{id}").ip([127, 0, 0, 1].into());
/// ```
#[derive(Clone, Default)]
pub struct RequestInfo {
    facts: Facts,
}

/// Where the facts of a request stand: one request's serve all its events.
pub(crate) trait Requested: Send + Sync {
    /// The facts, where they are known.
    fn request(&self) -> Option<&RequestInfo>;
}

impl Requested for RequestInfo {
    fn request(&self) -> Option<&RequestInfo> {
        Some(self)
    }
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
    pub(crate) peer: Option<Place>,
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
    far: Vec<u8>,
}

const NEAR: usize = 256;

/// Where one of them begins and ends; those that are far as if they stood behind the others.
pub(crate) type Place = (u16, u16);

impl Default for Texts {
    fn default() -> Self {
        Self { near: [0; NEAR], used: 0, far: Vec::new() }
    }
}

impl Texts {
    fn len(&self) -> usize {
        self.used.saturating_add(self.far.len())
    }

    /// Nothing where there is no room for it at all, as where texts are set again and again.
    fn push(&mut self, text: &[u8]) -> Option<Place> {
        let (start, end) = (self.used, self.used.saturating_add(text.len()));
        let (start, end) = match self.near.get_mut(start..end) {
            Some(room) => {
                room.copy_from_slice(text);
                self.used = end;
                (start, end)
            }
            None => {
                let start = NEAR.saturating_add(self.far.len());
                self.far.extend_from_slice(text);
                (start, start.saturating_add(text.len()))
            }
        };
        Some((start.try_into().ok()?, end.try_into().ok()?))
    }

    fn get(&self, (start, end): Place) -> Option<&str> {
        let (start, end) = (usize::from(start), usize::from(end));
        let text = match start.checked_sub(NEAR) {
            None => self.near.get(start..end)?,
            Some(far) => self.far.get(far..end.checked_sub(NEAR)?)?,
        };
        str::from_utf8(text).ok()
    }
}

impl PartialEq for RequestInfo {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.facts, &other.facts);
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
    ($($(#[$doc:meta])* $name:ident, $set:ident, $limit:expr, $pointer:literal;)+) => {
        impl RequestInfo {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: impl AsRef<[u8]>) -> Self {
                    self.$set($name);
                    self
                }

                #[doc = concat!("As [`", stringify!($name), "`](Self::", stringify!($name), "), in place.")]
                pub fn $set(&mut self, $name: impl AsRef<[u8]>) {
                    self.facts.$name = self.facts.place($name.as_ref(), $limit, $pointer);
                }
            )+
        }

        impl Facts {
            $(
                pub(crate) fn $name(&self) -> Option<&str> {
                    self.text(self.$name)
                }
            )+

            fn all(&self) -> [Option<&str>; 10] {
                [$(self.$name(),)+]
            }
        }
    };
}

request_texts! {
    /// The request's id.
    id, set_id, MAX_ID, "/request/id";
    /// The id that several requests of one undertaking share.
    correlation_id, set_correlation_id, MAX_ID, "/request/correlation_id";
    /// W3C trace id.
    trace_id, set_trace_id, MAX_WORD, "/request/trace_id";
    /// W3C span id.
    span_id, set_span_id, MAX_WORD, "/request/span_id";
    /// A keyed hash of the session's id: never the id itself, which is a secret.
    session, set_session, MAX_WORD, "/request/session";
    /// The client's user agent. Personal.
    user_agent, set_user_agent, MAX_USER_AGENT, "/request/user_agent";
    /// The method.
    method, set_method, MAX_WORD, "/request/method";
    /// The address at the other end of the connection, where that is not the client, but a proxy that has told the client's. Personal: nobody knows
    /// who else can send what a proxy sends.
    peer, set_peer, MAX_WORD, "/request/peer";
    /// The route as a pattern (`/invoices/{id}`), not the path.
    route, set_route, MAX_ID, "/request/route";
    /// The host that was asked.
    host, set_host, MAX_NAME, "/request/host";
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
        self.set_ip(ip);
        self
    }

    /// As [`ip`](Self::ip), in place.
    pub fn set_ip(&mut self, ip: IpAddr) {
        self.facts.ip = Some(ip.to_canonical());
    }

    /// Notes that a member does not stand as it came, for a reason that its setter cannot see, such as a request id that was
    /// refused.
    #[must_use]
    pub fn altered(mut self, pointer: &'static str) -> Self {
        self.set_altered(pointer);
        self
    }

    /// As [`altered`](Self::altered), in place.
    pub fn set_altered(&mut self, pointer: &'static str) {
        note(&mut self.facts.altered, pointer);
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
        self.texts.len().saturating_add(10 * 3)
    }

    fn text(&self, place: Option<Place>) -> Option<&str> {
        self.texts.get(place?)
    }

    fn place(&mut self, text: &[u8], limit: usize, pointer: &'static str) -> Option<Place> {
        let place = if text.len() <= limit && is_printable(text) {
            self.texts.push(text)
        } else {
            let lossy = String::from_utf8_lossy(text);
            if matches!(lossy, Cow::Owned(_)) {
                note(&mut self.altered, pointer);
            }
            let text = line(lossy, limit, pointer, &mut self.altered);
            self.texts.push(text.as_bytes())
        };
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
