//! Format version 1 as it was on its first day. These bytes never change; a new version gets a new file.

use std::time::Duration;

use serde_json::{Value, json};

use crate::event::{
    Actor, ActorKind, Change, ErrorInfo, Event, EventBuilder, Outcome, RequestInfo, Resource,
    Sensitivity, Severity, Source, SourceSystem,
};
use crate::merkle::leaf_hash;

/// Written by other means (Python, `json` and `hashlib`), so that nothing of ours decides what is right.
const GOLDEN: &str = include_str!("../../../testdata/event-v1.json");

/// The n-th event of the file; its salts are 01 01 .., 02 02 .., and so on.
fn golden(number: u8, builder: EventBuilder) {
    golden_numbered(number, u64::from(number - 1).into(), builder);
}

fn golden_numbered(number: u8, seq: Option<u64>, builder: EventBuilder) {
    let id = format!("0198c0de-0000-7000-8000-00000000000{number}").parse().unwrap();
    let builder = builder.id(id).occurred_at("2026-01-02T03:04:05.000006Z".parse().unwrap());
    let mut event = builder.build().unwrap();
    event.nonce = std::array::from_fn(|i| 0x10 * number + u8::try_from(i).unwrap());
    let mut salts = (1..).map(|byte| [byte; 16]);
    let encoded = event.encode_with(&super::producer(), seq, &mut || salts.next().unwrap());

    let file: Value = serde_json::from_str(GOLDEN).unwrap();
    let expected = &file[usize::from(number - 1)];
    assert_eq!(encoded.canon, expected["canon"].as_str().unwrap());
    assert_eq!(encoded.openings.as_deref(), expected["openings"].as_str());
    assert_eq!(
        leaf_hash(encoded.canon.as_bytes()).to_string(),
        expected["leaf_hash"].as_str().unwrap()
    );
}

#[test]
fn the_smallest_event_has_the_bytes_that_it_always_had() {
    golden(1, Event::builder("user.login"));
}

#[test]
fn an_event_with_every_member_has_the_bytes_that_it_always_had() {
    let actor = Actor::user("u-17")
        .name("Alice Adams")
        .email("alice@example.com")
        .role("clerk")
        .role("approver")
        .credential("session", "s-9f3a")
        .on_behalf_of(Actor::service("svc-2").name("Batch"))
        .on_behalf_of(Actor::new(ActorKind::Agent, "a-1"));
    let request = RequestInfo::new()
        .id("r-1")
        .correlation_id("c-1")
        .trace_id("4bf92f3577b34da6a3ce929d0e0e4736")
        .span_id("00f067aa0ba902b7")
        .session("k3y3dh4sh")
        .ip([192, 0, 2, 7].into())
        .user_agent("curl/8")
        .altered("/request/user_agent")
        .method("POST")
        .route("/invoices/{id}/approve")
        .host("billing.example");
    let error = ErrorInfo::new("limit of 100 exceeded")
        .code("limit.exceeded")
        .kind("domain")
        .stack("approve\n\tcheck_limit");
    let amount =
        Change { path: "/amount".to_owned(), before: Some(json!(100)), after: Some(json!(90)) };
    let note = Change { path: "/note".to_owned(), before: None, after: Some(Value::Null) };
    let event = Event::builder("invoice.approve")
        .parent_id("0198c0de-0000-7000-8000-0000000000ff".parse().unwrap())
        .category("workflow")
        .severity(Severity::Info)
        .sensitivity(Sensitivity::High)
        .message("Alice approved\n\"it\"")
        .reason("ticket OPS-7")
        .tag("q3")
        .tag("eu")
        .tag("q3")
        .label("region", "eu-1")
        .label("desk", "7")
        .metadata("dry_run", false)
        .metadata("attempt", 2)
        .outcome(Outcome::Failure)
        .error(error)
        .duration(Duration::from_nanos(1_500_999))
        .status(409)
        .actor(actor)
        .tenant("acme")
        .request(request)
        .source(
            Source::new(SourceSystem::Web)
                .service("billing")
                .version("1.4.2")
                .instance("billing-0"),
        )
        .operation_id("op-9")
        .on(Resource::new("invoice", "4711").name("Invoice 4711").parent("customer", "c-3"))
        .resources([Resource::new("line", "1").name("Paper"), Resource::of_type("line")])
        .before(json!({"status": "open", "amount": 100}))
        .after(json!({"status": "approved", "amount": 90}))
        .change(amount)
        .change(note)
        .retention("finance")
        .is_sensitive(true)
        .is_compliance_relevant(true)
        .redacted("/before/token");
    golden(2, event);
}

#[test]
fn an_event_with_personal_payloads_has_the_bytes_that_it_always_had() {
    let phone = Change {
        path: "/phones/0".to_owned(),
        before: Some(json!(["+49 30 1", "+49 30 2"])),
        after: Some(json!("")),
    };
    let event = Event::builder("customer.update")
        .outcome(Outcome::Success)
        .before(json!({
            "kept": [true, null, -9_007_199_254_740_991_i64, 9_007_199_254_740_993_u64, 1.5],
            "iban": "DE02 1203 0000 0000 2020 51",
            "a/b": {"m~n": [1, {"é": "\u{1f600}"}]},
        }))
        .after(json!({"name": "Zoë", "iban": null}))
        .change(phone)
        .metadata("\u{fb33}", 2)
        .metadata("\u{1f600}", 1)
        .metadata("", 0)
        .metadata("who", json!({"is": {"b": 1, "a": 2}}))
        .metadata("b\"\\", 3)
        .duration(Duration::MAX)
        .personal("/metadata/who/is")
        .personal("/before/iban")
        .personal("/before/a~1b/m~0n/0")
        .personal("/before/a~1b/m~0n")
        .personal("/changes/0/before/0")
        .personal("/changes/0/after")
        .personal("/after/name")
        .personal("/after");
    golden(3, event);
}

#[test]
fn an_event_of_the_outbox_has_the_bytes_that_it_always_had() {
    let event = Event::builder("order.place").resource("order", "7").outcome(Outcome::Success);
    golden_numbered(4, None, event);
}

#[test]
fn an_event_of_another_log_has_the_bytes_that_it_always_had() {
    golden(
        7,
        Event::builder("order.place").imported("legacy-shop", "row 7").outcome(Outcome::Success),
    );
}

#[test]
fn the_two_events_of_a_strict_operation_have_the_bytes_that_they_always_had() {
    let mut begun = Event::builder("key.rotate").resource("key", "k-3");
    let mut complete = begun.clone().outcome(Outcome::Success);
    begun.fields.is_begun = true;
    complete.fields.begun_id = "0198c0de-0000-7000-8000-000000000005".parse().ok();
    golden(5, begun);
    golden(6, complete);
}
