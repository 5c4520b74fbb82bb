//! Events as several tenants' applications make them, one every half minute: people who change things, jobs, calls that fail.

use std::sync::Arc;
use std::time::Duration;

use audit_core::event::Producer;
use audit_core::store::Leaf;
use audit_core::{
    Actor, ErrorInfo, Event, EventBuilder, Outcome, RequestInfo, Resource, Severity, Source,
    SourceSystem,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::Failure;

/// What is done to resources of which type, and in which group of actions.
const ACTIONS: [(&str, &str, &str); 16] = [
    ("invoice.create", "invoice", "billing"),
    ("invoice.approve", "invoice", "billing"),
    ("invoice.pay", "invoice", "billing"),
    ("order.create", "order", "sales"),
    ("order.update", "order", "sales"),
    ("order.cancel", "order", "sales"),
    ("document.read", "document", "data"),
    ("document.export", "document", "data"),
    ("document.delete", "document", "data"),
    ("user.login", "user", "access"),
    ("user.logout", "user", "access"),
    ("user.role_change", "user", "permission"),
    ("key.rotate", "key", "security"),
    ("policy.update", "policy", "security"),
    ("report.run", "report", "workflow"),
    ("backup.create", "backup", "system"),
];

/// Makes events; the n-th of a seed is the same in each run, but for id, time of making and random bits.
pub(crate) struct Events {
    seed: u64,
    next: u64,
    sources: [Arc<Source>; 3],
    producer: Producer,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self::seeded(0)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        let source = |system| Source::new(system).service("billing").into();
        Self {
            seed,
            next: 0,
            sources: [SourceSystem::Web, SourceSystem::Api, SourceSystem::Worker].map(source),
            producer: Producer::new("fixture"),
        }
    }

    fn builder(&mut self) -> Result<EventBuilder, Failure> {
        let n = self.next;
        self.next += 1;
        let draw = |what: u64, of: u64| mixed(mixed(self.seed ^ n) ^ what) % of;
        let (action, kind, category) = ACTIONS[usize::try_from(draw(0, 16).min(draw(1, 16)))?];
        // A few of them do the most.
        let actor = draw(2, 4_000).min(draw(3, 4_000));
        let tenant = actor % 40;
        let session = actor * 8 + draw(4, 8);
        let (outcome, status, severity) = match draw(5, 200) {
            0..=3 => (Outcome::Denied, 403, Severity::Warning),
            4..=9 => (Outcome::Failure, 500, Severity::Error),
            10 => (Outcome::Cancelled, 499, Severity::Warning),
            _ => (Outcome::Success, 200, Severity::Info),
        };
        let ip: std::net::IpAddr = match session % 10 {
            0 => [0x2001, 0xdb8, 0, u16::try_from(tenant)?, 0, 0, 0, u16::try_from(actor)?].into(),
            _ => {
                [10, u8::try_from(tenant)?, u8::try_from(actor / 256)?, u8::try_from(actor % 256)?]
                    .into()
            }
        };
        let request = RequestInfo::new()
            .id(format!("req-{:016x}", mixed(self.seed ^ !n)))
            .session(format!("{:032x}", mixed(session)))
            .correlation_id(format!("cor-{:016x}", mixed(self.seed ^ (n / 3))))
            .method("POST")
            .route("/things/{id}/steps")
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
            .ip(ip);
        let resource = Resource::new(kind, format!("{kind}-{}", draw(6, 300_000)))
            .parent("account", format!("acc-{}", tenant * 50 + draw(7, 50)));
        // Some come late, as those do that were spooled.
        let late = if draw(8, 100) == 0 { draw(9, 3_600) } else { 0 };
        let seconds = i64::try_from(n * 30)? - i64::try_from(late)?;
        let begin: DateTime<Utc> = "2021-01-01T00:00:00Z".parse()?;
        let source = &self.sources[usize::try_from(session % 3)?];
        let mut event = Event::builder(action)
            .occurred_at(begin + TimeDelta::seconds(seconds))
            .actor(
                Actor::user(format!("u-{actor:05}"))
                    .name(format!("Customer {actor}"))
                    .role("clerk"),
            )
            .tenant(format!("tenant-{tenant}"))
            .on(resource)
            .outcome(outcome)
            .status(status)
            .severity(severity)
            .category(category)
            .duration(Duration::from_micros(200 + draw(10, 80_000)))
            .label("scope", format!("scope-{}", actor % 250))
            .tag(["web", "batch", "mobile"][usize::try_from(draw(11, 3))?])
            .is_compliance_relevant(draw(12, 10) == 0)
            .request(request)
            .source(Arc::clone(source));
        if severity == Severity::Error {
            event =
                event.error(ErrorInfo::new("the ledger did not answer in time").code("E-TIMEOUT"));
        }
        if category == "workflow" {
            event = event.operation_id(format!("op-{}", n / 40));
        }
        Ok(event)
    }

    /// The next events, closed: as they come out of an application.
    pub(crate) fn built(&mut self, count: usize) -> Result<Vec<Event>, Failure> {
        (0..count).map(|_| Ok(self.builder()?.build()?)).collect()
    }

    pub(crate) fn encoded(&self, events: &[Event]) -> Vec<Leaf> {
        (0..).zip(events).map(|(seq, event)| Leaf::of(event, &self.producer, seq)).collect()
    }
}

/// A number that looks like chance (SplitMix64).
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
