//! Events as a busy application makes them: about 700 bytes of canonical text.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use audit_core::event::Producer;
use audit_core::store::Leaf;
use audit_core::{
    Actor, Event, EventBuilder, Outcome, RequestInfo, Resource, Source, SourceSystem,
};

use crate::Failure;

const ACTORS: u64 = 5_000;
const ACTIONS: u64 = 40;
const RESOURCES: u64 = 200_000;
const SESSIONS: u64 = 20_000;

/// One event in so many is of an actor and on a resource of which there are no others.
pub(crate) const RARE: u64 = 100_000;

/// Makes events; the n-th is the same in each run, but for id, time and random bits.
pub(crate) struct Events {
    next: u64,
    source: Arc<Source>,
    actors: Vec<Arc<Actor>>,
    producer: Producer,
}

impl Events {
    pub(crate) fn new() -> Self {
        let actor = |n| Actor::user(actor(n)).name(format!("Customer {n}")).role("clerk");
        Self {
            next: 0,
            source: Source::new(SourceSystem::Api).service("billing").into(),
            actors: (0..ACTORS).map(|n| actor(n).into()).collect(),
            producer: Producer::new("billing-1"),
        }
    }

    pub(crate) fn builder(&mut self) -> EventBuilder {
        let n = self.next;
        self.next += 1;
        let draw = |what: u64, of: u64| mixed(n.wrapping_mul(8).wrapping_add(what)) % of;
        let action = draw(0, ACTIONS);
        let (who, what) = match n % RARE {
            17 => (None, "rare".to_owned()),
            _ => (usize::try_from(draw(1, ACTORS)).ok(), resource(draw(2, RESOURCES))),
        };
        let who = who.and_then(|n| self.actors.get(n).cloned());
        let session = draw(3, SESSIONS);
        let request = RequestInfo::new()
            .id(request_id(n))
            .session(session_id(session))
            .ip(address(session))
            .method("POST")
            .route("/invoices/{id}/lines");
        Event::builder(self::action(action))
            .actor(who.unwrap_or_else(|| Actor::user("u-rare").into()))
            .on(Resource::new("invoice", what))
            .outcome(if draw(4, 50) == 0 { Outcome::Denied } else { Outcome::Success })
            .tenant(format!("tenant-{}", session % 200))
            .label("region", format!("region-{}", session % 12))
            .tag("web")
            .request(request)
            .source(Arc::clone(&self.source))
    }

    /// The next events, closed: as they come out of an application.
    pub(crate) fn built(&mut self, count: usize) -> Result<Vec<Event>, Failure> {
        (0..count).map(|_| Ok(self.builder().build()?)).collect()
    }

    pub(crate) fn encoded(&self, events: &[Event]) -> Vec<Leaf> {
        (0..).zip(events).map(|(seq, event)| Leaf::of(event, &self.producer, seq)).collect()
    }
}

pub(crate) fn actor(n: u64) -> String {
    format!("u-{n:05}")
}

pub(crate) fn action(n: u64) -> String {
    format!("invoice.step_{n:02}")
}

pub(crate) fn resource(n: u64) -> String {
    format!("inv-{n:08}")
}

pub(crate) fn request_id(n: u64) -> String {
    format!("req-{:016x}{n:08x}", mixed(n))
}

pub(crate) fn session_id(n: u64) -> String {
    format!("{:016x}{:016x}", mixed(n), mixed(!n))
}

pub(crate) fn address(n: u64) -> IpAddr {
    let [.., a, b, c] = n.to_be_bytes();
    Ipv4Addr::new(10, a, b, c).into()
}

/// A number that looks like chance (SplitMix64).
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
