//! What to look for in a log, and where a page ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::event::{COMPLETING, Columns, Outcome, Severity, Term, octets};

/// Entries on a page, where the query does not say.
pub const DEFAULT_LIMIT: u32 = 100;

/// Most entries on a page; a query for more gets so many.
pub const MAX_LIMIT: u32 = 1_000;

/// What entries must have: all that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `id`: there is one such entry in a log at the most.
    pub event_id: Option<Uuid>,
    /// `actor.id`, exactly.
    pub actor: Option<String>,
    /// `action`, exactly.
    pub action: Option<String>,
    /// `resource.type`, exactly.
    pub resource_type: Option<String>,
    /// `resource.id`, exactly.
    pub resource_id: Option<String>,
    /// All of these are among its terms.
    pub terms: BTreeSet<Term>,
    /// The client's address lies here: 16 bytes, IPv4 mapped into IPv6. An entry whose address was erased,
    /// or never known, lies nowhere.
    pub ip: Option<RangeInclusive<[u8; 16]>>,
    /// `occurred_at` at this moment or later.
    pub since: Option<DateTime<Utc>>,
    /// `occurred_at` before this moment.
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Whether an entry with these columns and this address is one of those that are looked for. The
    /// stores' own SQL means the same.
    #[must_use]
    pub fn matches(&self, columns: &Columns, ip: Option<&[u8]>) -> bool {
        let text = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        self.event_id.is_none_or(|wanted| columns.event_id == wanted)
            && text(&self.actor, columns.actor.as_deref())
            && text(&self.action, Some(&columns.action))
            && text(&self.resource_type, columns.resource_type.as_deref())
            && text(&self.resource_id, columns.resource_id.as_deref())
            && self.terms.iter().all(|wanted| columns.terms.binary_search(wanted).is_ok())
            && self.ip.as_ref().is_none_or(|range| {
                ip.is_some_and(|ip| range.start().as_slice() <= ip && ip <= range.end().as_slice())
            })
            && self.since.is_none_or(|since| columns.occurred_at >= since)
            && self.until.is_none_or(|until| columns.occurred_at < until)
    }

    /// The terms to look up: those that are asked for, and that of a resource type without an id.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn sought(&self) -> BTreeSet<Term> {
        let mut terms = self.terms.clone();
        if let (Some(kind), None) = (&self.resource_type, &self.resource_id) {
            terms.insert(Term::new("resource.type", kind));
        }
        terms
    }
}

/// A search: newest first, page by page. All that is asked for must be there: two tags find what has both,
/// two outcomes find nothing. A second log, event id, actor, action, resource type or id, address or time takes
/// the place of the first.
///
/// ```
/// use audit_core::{Outcome, Query};
/// let query = Query::new().action("invoice.approve").outcome(Outcome::Denied).limit(20);
/// ```
#[must_use]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pub(crate) log: Option<String>,
    pub(crate) filter: Filter,
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<Cursor>,
}

impl Query {
    /// Everything, newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what is in the log of this name.
    pub fn log(mut self, origin: impl Into<String>) -> Self {
        self.log = Some(origin.into());
        self
    }

    /// Only the event with this id.
    pub fn event_id(mut self, id: Uuid) -> Self {
        self.filter.event_id = Some(id);
        self
    }

    /// Only what this actor did, by id.
    pub fn actor(mut self, id: impl Into<String>) -> Self {
        self.filter.actor = Some(id.into());
        self
    }

    /// Only this action.
    pub fn action(mut self, name: impl Into<String>) -> Self {
        self.filter.action = Some(name.into());
        self
    }

    /// Only what was done to resources of this type.
    pub fn resource_type(mut self, kind: impl Into<String>) -> Self {
        self.filter.resource_type = Some(kind.into());
        self
    }

    /// Only what was done to resources with this id; best together with their type.
    pub fn resource_id(mut self, id: impl Into<String>) -> Self {
        self.filter.resource_id = Some(id.into());
        self
    }

    /// Only what was done to parts of this resource: what it is the `parent` of.
    pub fn resource_parent(self, kind: &str, id: &str) -> Self {
        self.term(Term::of_pair("resource.parent", kind, id))
    }

    /// Only bulk operations that have this resource among their `resources`.
    pub fn resources_with(self, kind: &str, id: &str) -> Self {
        self.term(Term::of_pair("resources", kind, id))
    }

    /// Only what ended so.
    pub fn outcome(self, outcome: Outcome) -> Self {
        self.term(Term::new("outcome", outcome.as_str()))
    }

    /// Only what is so serious: this severity exactly.
    pub fn severity(self, severity: Severity) -> Self {
        self.term(Term::new("severity", severity.as_str()))
    }

    /// Only this group of actions.
    pub fn category(self, category: &str) -> Self {
        self.term(Term::new("category", category))
    }

    /// Only what belongs to this tenant. A filter like any other: it does not keep a reader out of other
    /// tenants' entries.
    pub fn tenant(self, tenant: &str) -> Self {
        self.term(Term::new("tenant", tenant))
    }

    /// Only what this request did.
    pub fn request_id(self, id: &str) -> Self {
        self.term(Term::new("request.id", id))
    }

    /// Only what was done in this session, by the keyed hash that stands in the events.
    pub fn session(self, hash: &str) -> Self {
        self.term(Term::new("request.session", hash))
    }

    /// Only what requests with this correlation id did.
    pub fn correlation_id(self, id: &str) -> Self {
        self.term(Term::new("request.correlation_id", id))
    }

    /// Only what requests of this W3C trace did.
    pub fn trace_id(self, id: &str) -> Self {
        self.term(Term::new("request.trace_id", id))
    }

    /// Only the steps of this workflow or job.
    pub fn operation_id(self, id: &str) -> Self {
        self.term(Term::new("operation_id", id))
    }

    /// Only what strict operations say when they begin, which are not to run unrecorded: another event completes each.
    pub fn begun(self) -> Self {
        self.term(Term::new("stage", "begun"))
    }

    /// Only what completes such an operation.
    pub(crate) fn completing(self) -> Self {
        self.term(Term::new("stage", COMPLETING))
    }

    /// Only what completes the operation that began with this event, if it was a strict one: others have no such event.
    pub fn completes(self, begun_id: Uuid) -> Self {
        self.term(Term::new("begun_id", &begun_id.to_string()))
    }

    /// Only what has this label with this text. Called again, other labels must be there as well.
    pub fn label(self, name: &str, text: &str) -> Self {
        self.term(Term::of_pair("label", name, text))
    }

    /// Only what has this tag. Called again, other tags must be there as well.
    pub fn tag(self, tag: &str) -> Self {
        self.term(Term::new("tag", tag))
    }

    /// Only what an auditor will ask for.
    pub fn compliance_relevant(self) -> Self {
        self.term(Term::new("is_compliance_relevant", "true"))
    }

    /// Only what was asked for from this address, as far as it has not been erased.
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.filter.ip = Some(octets(ip)..=octets(ip));
        self
    }

    /// Only what was asked for from this network: the addresses whose first bits, as many as `prefix_len`
    /// says, are those of `ip`; the others are passed over. An IPv4 address has 32 bits and an IPv6 address
    /// 128; a longer prefix is taken for all of them. IPv4 networks are also part of IPv6, where
    /// 10.0.0.0/8 is ::ffff:10.0.0.0/104.
    pub fn network(mut self, ip: IpAddr, prefix_len: u8) -> Self {
        let fixed = match ip {
            IpAddr::V4(_) => 96 + u32::from(prefix_len.min(32)),
            IpAddr::V6(_) => u32::from(prefix_len.min(128)),
        };
        let (address, hosts) =
            (u128::from_be_bytes(octets(ip)), u128::MAX.checked_shr(fixed).unwrap_or(0));
        self.filter.ip = Some((address & !hosts).to_be_bytes()..=(address | hosts).to_be_bytes());
        self
    }

    /// Only what happened at this moment or later.
    pub fn since(mut self, since: DateTime<Utc>) -> Self {
        self.filter.since = Some(since);
        self
    }

    /// Only what happened before this moment.
    pub fn until(mut self, until: DateTime<Utc>) -> Self {
        self.filter.until = Some(until);
        self
    }

    /// Entries on a page: 1 to [`MAX_LIMIT`], by default [`DEFAULT_LIMIT`].
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on where a page of the same query ended.
    pub fn cursor(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    fn term(mut self, term: Term) -> Self {
        self.filter.terms.insert(term);
        self
    }

    /// Whether the log of this name is looked through.
    pub(crate) fn is_of(&self, origin: &str) -> bool {
        self.log.as_ref().is_none_or(|log| log == origin)
    }

    pub(crate) fn page_size(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }
}

/// A place in each log, between two entries. A page of a search goes on with what is before it, a
/// [`Follower`](crate::follow::Follower) with what is behind it. Opaque to those who pass it around as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) places: BTreeMap<i64, u64>,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor: pass on the `next` of a page as it is")]
pub struct CursorError;

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> =
            self.places.iter().map(|(log, place)| format!("{log}:{place}")).collect();
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.join(",")))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let parts = String::from_utf8(bytes).map_err(|_| CursorError)?;
        let position = |part: &str| {
            let (log, place) = part.split_once(':')?;
            Some((log.parse().ok()?, place.parse().ok()?))
        };
        let places = parts.split(',').map(position).collect::<Option<_>>().ok_or(CursorError)?;
        Ok(Self { places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, RequestInfo, Resource};

    #[test]
    fn a_cursor_survives_its_way_through_a_url_and_nothing_else_does() {
        let cursor = Cursor { places: BTreeMap::from([(1, 200), (2, 0)]) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "x", "MTox!", "MQ", &"A".repeat(1 << 16)] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorError), "{wrong:.20}");
        }
    }

    fn network(text: &str, bits: u8) -> [String; 2] {
        let range = Query::new().network(text.parse().unwrap(), bits).filter.ip.unwrap();
        [range.start(), range.end()].map(|end| std::net::Ipv6Addr::from(*end).to_string())
    }

    #[test]
    fn a_network_is_the_range_of_its_addresses() {
        let mapped = |first: &str, last: &str| [first, last].map(|ip| format!("::ffff:{ip}"));
        assert_eq!(network("10.1.2.3", 8), mapped("10.0.0.0", "10.255.255.255"));
        assert_eq!(network("10.1.2.3", 31), mapped("10.1.2.2", "10.1.2.3"));
        assert_eq!(network("10.1.2.3", 0), mapped("0.0.0.0", "255.255.255.255"));
        assert_eq!(network("::ffff:10.1.2.3", 104), network("10.1.2.3", 8));
        assert_eq!(network("10.1.2.3", 33), mapped("10.1.2.3", "10.1.2.3"));
        let all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(
            network("2001:db8::1", 32),
            ["2001:db8::", &all.replacen("ffff:ffff", "2001:db8", 1)]
        );
        assert_eq!(network("2001:db8::1", 200), ["2001:db8::1", "2001:db8::1"]);
        assert_eq!(network("::1", 0), ["::", all]);
        let (ip, query) = ("10.1.2.3".parse().unwrap(), Query::new());
        assert_eq!(query.clone().ip(ip), query.network(ip, 32));
    }

    #[test]
    fn each_thing_that_can_be_asked_for_is_found_in_the_event_that_says_it() {
        let request =
            RequestInfo::new().id("id").session("hash").correlation_id("all").trace_id("t");
        let event = Event::builder("a.b")
            .outcome(Outcome::Denied)
            .severity(Severity::Error)
            .category("c")
            .tenant("t")
            .operation_id("o")
            .is_compliance_relevant(true)
            .request(request)
            .on(Resource::new("page", "7").parent("wiki", "w"))
            .resources([Resource::new("line", "1"), Resource::of_type("line")])
            .label("key", "text")
            .tag("x")
            .build()
            .unwrap();
        let said = Columns::of_event(&event);
        let asked: Vec<fn(Query, &str) -> Query> = vec![
            |query, _| query.outcome(Outcome::Denied),
            |query, _| query.severity(Severity::Error),
            |query, other| query.category(&format!("c{other}")),
            |query, other| query.tenant(&format!("t{other}")),
            |query, other| query.operation_id(&format!("o{other}")),
            |query, _| query.compliance_relevant(),
            |query, other| query.request_id(&format!("id{other}")),
            |query, other| query.session(&format!("hash{other}")),
            |query, other| query.correlation_id(&format!("all{other}")),
            |query, other| query.trace_id(&format!("t{other}")),
            |query, other| query.resource_parent("wiki", &format!("w{other}")),
            |query, other| query.resources_with("line", &format!("1{other}")),
            |query, other| query.label("key", &format!("text{other}")),
            |query, other| query.tag(&format!("x{other}")),
        ];
        let mut all = BTreeSet::from([Term::new("resource.type", "page")]);
        for ask in asked {
            let query = ask(Query::new(), "");
            assert!(query.filter.matches(&said, None), "{query:?}");
            all.extend(&query.filter.terms);
            let other = ask(Query::new(), "-other");
            assert!(other == query || !other.filter.matches(&said, None), "{other:?}");
        }
        let lone = Query::new().resource_type("page").filter;
        assert!(lone.matches(&said, None) && said.terms.contains(lone.sought().first().unwrap()));
        // And nothing is a term for which nobody can ask.
        assert_eq!(Vec::from_iter(all), said.terms);
    }
}
