//! From where an operation was asked for.

use std::fmt;
use std::net::IpAddr;

use super::text::{Altered, MAX_ID, MAX_NAME, MAX_USER_AGENT, MAX_WORD, line, push_line};
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
    /// All texts, one behind the other: a request has many, and one of these is made for each.
    texts: String,
    pub(crate) id: Option<Place>,
    pub(crate) correlation_id: Option<Place>,
    pub(crate) trace_id: Option<Place>,
    pub(crate) span_id: Option<Place>,
    pub(crate) session: Option<Place>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<Place>,
    pub(crate) method: Option<Place>,
    pub(crate) route: Option<Place>,
    pub(crate) host: Option<Place>,
    pub(crate) altered: Altered,
}

/// Where in the texts one of them begins and ends.
pub(crate) type Place = (u32, u32);

/// Bytes for which there is room at once: those of most requests.
const ROOM: usize = 256;

impl PartialEq for RequestInfo {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all() && self.ip == other.ip && self.altered == other.altered
    }
}

impl Eq for RequestInfo {}

/// Without what is personal.
impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("id", &self.request_id())
            .field("method", &self.text(self.method))
            .field("route", &self.text(self.route))
            .finish_non_exhaustive()
    }
}

macro_rules! request_texts {
    ($($(#[$doc:meta])* $name:ident, $limit:expr, $pointer:literal;)+) => {
        $(
            $(#[$doc])*
            #[must_use]
            #[inline]
            pub fn $name(mut self, $name: impl AsRef<str>) -> Self {
                self.$name = self.place($name.as_ref(), $limit, $pointer);
                self
            }
        )+

        /// All texts.
        pub(crate) fn all(&self) -> [Option<&str>; 9] {
            [$(self.text(self.$name),)+]
        }
    };
}

impl RequestInfo {
    /// A request of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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

    /// The client's address, brought to its canonical form (`::ffff:10.0.0.1` is 10.0.0.1). Personal.
    #[must_use]
    #[inline]
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip.to_canonical());
        self
    }

    /// Notes that a member does not stand as it came, for a reason that its setter cannot see: a
    /// request id that was refused, a user agent that was no text.
    #[must_use]
    #[inline]
    pub fn altered(mut self, pointer: &'static str) -> Self {
        if !self.altered.contains(&pointer) {
            self.altered.push(pointer);
        }
        self
    }

    /// The request's id, where it is known.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.text(self.id)
    }

    /// A text that is set.
    pub(crate) fn text(&self, place: Option<Place>) -> Option<&str> {
        let (start, end) = place?;
        self.texts.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    fn place(&mut self, text: &str, limit: usize, pointer: &'static str) -> Option<Place> {
        if self.texts.capacity() == 0 {
            self.texts.reserve(ROOM);
        }
        let start = self.texts.len();
        push_line(&mut self.texts, text, limit, pointer, &mut self.altered);
        Some((start.try_into().ok()?, self.texts.len().try_into().ok()?))
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
