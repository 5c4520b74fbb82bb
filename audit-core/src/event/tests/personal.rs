//! Personal values: hidden in the bytes, opened by what stands beside them and by nothing else.

use std::net::IpAddr;
use std::slice;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::model::{builder, event, personal};
use super::{cases, encode, parsed};
use crate::clock::SystemClock;
use crate::event::{
    Actor, Change, EncodedEvent, ErrorInfo, Event, EventBuilder, EventError, Opening, Producer,
    RequestInfo, Resource, Verdict, Wire, ip_of, open_all,
};

fn openings(encoded: &EncodedEvent) -> Vec<Opening> {
    encoded.openings.as_deref().map(|text| open_all(text).unwrap()).unwrap_or_default()
}

fn built(event: EventBuilder) -> EncodedEvent {
    encode(&event.build().unwrap())
}

const SECRET: &str = "s3cr3t-value";

fn customer() -> EventBuilder {
    let hidden = json!({"a/b": [{"m~n": SECRET}], "": SECRET, "open": "seen"});
    Event::builder("customer.update")
        .before(hidden.clone())
        .change(Change {
            path: "/x".to_owned(),
            before: Some(json!([SECRET, "seen"])),
            after: Some(json!(SECRET)),
        })
        .metadata("~/", json!({"deep": {"er": SECRET}}))
        .after(hidden)
        .personal("/before/a~1b/0/m~0n")
        .personal("/before/")
        .personal("/changes/0/before/0")
        .personal("/changes/0/after")
        .personal("/metadata/~0~1/deep")
        .personal("/after")
        .message(SECRET)
        .actor(
            Actor::user("u-17")
                .name(SECRET)
                .email(SECRET)
                .on_behalf_of(Actor::user("u-1").name(SECRET)),
        )
        .on(Resource::new("customer", "c-1").name(SECRET))
        .resources([Resource::new("line", "1").name(SECRET)])
        .request(RequestInfo::new().user_agent(SECRET))
}

#[test]
fn a_personal_value_stands_in_no_debug_text() {
    let actor = Actor::user("u-17").name(SECRET).email(SECRET);
    let error = ErrorInfo::new(SECRET);
    let resource = Resource::new("customer", "c-1").name(SECRET);
    let request = RequestInfo::new().user_agent(SECRET);
    let (builder, event, encoded) = (customer(), customer().build().unwrap(), built(customer()));
    let texts = [
        format!("{actor:?} {:?}", actor.clone().on_behalf_of(actor.clone())),
        format!("{error:?} {:?}", Verdict::failure(error.clone())),
        format!("{resource:?} {request:?}"),
        format!("{builder:?} {event:?} {encoded:?}"),
    ];
    for text in texts {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn a_personal_value_stands_nowhere_in_the_bytes_and_its_opening_opens() {
    let encoded = built(customer());
    assert!(!encoded.canon.contains(SECRET), "{}", encoded.canon);
    assert_eq!(encoded.canon.matches("seen").count(), 2);
    let event = parsed(&encoded);
    let openings = openings(&encoded);
    assert_eq!(openings.len(), 13);
    for opening in &openings {
        assert!(opening.opens(&event), "{}", opening.pointer);
        assert!(opening.value.to_string().contains(SECRET), "{}", opening.pointer);
    }
}

#[test]
fn salts_are_never_the_same_and_neither_are_commitments_to_the_same_value() {
    let event = customer().build().unwrap();
    let encode = || parsed(&event.encode(&super::producer(), 0));
    let (one, two) = (encode(), encode());
    let at = ["/message", "/actor/name", "/actor/email", "/resource/name"];
    let mut all: Vec<&str> = at
        .iter()
        .flat_map(|at| [&one, &two].map(|event| event.pointer(at).unwrap().as_str().unwrap()))
        .collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 8);
}

/// The openings with the pair at a pointer changed.
fn tampered(
    encoded: &EncodedEvent,
    pointer: &str,
    change: impl FnOnce(&mut Value),
) -> Vec<Opening> {
    let mut members: Value = serde_json::from_str(encoded.openings.as_deref().unwrap()).unwrap();
    change(members.get_mut(pointer).unwrap());
    open_all(&members.to_string()).unwrap()
}

fn opens(openings: &[Opening], pointer: &str, event: &Value) -> bool {
    let opening = openings.iter().find(|opening| opening.pointer == pointer).unwrap();
    assert_eq!(opening.opens(event), opens_in_parts(opening, event));
    opening.opens(event)
}

/// The same of an event of which no more was read than is needed.
fn opens_in_parts(opening: &Opening, event: &Value) -> bool {
    let canon = event.to_string();
    Wire::of(canon.as_bytes()).unwrap().closed(slice::from_ref(opening)).is_empty()
}

#[test]
fn another_value_another_salt_and_another_place_do_not_open() {
    let encoded = built(customer());
    let event = parsed(&encoded);
    let at = "/after";
    assert!(opens(&openings(&encoded), at, &event));
    assert!(!opens(&tampered(&encoded, at, |pair| pair[1]["open"] = json!("seem")), at, &event));
    assert!(!opens(&tampered(&encoded, at, |pair| pair[1] = Value::Null), at, &event));
    assert!(!opens(
        &tampered(&encoded, at, |pair| pair[0] = json!("CAgICAgICAgICAgICAgICA")),
        at,
        &event
    ));

    let mut elsewhere = openings(&encoded);
    for opening in &mut elsewhere {
        opening.pointer = match opening.pointer.as_str() {
            "/after" => "/before/".to_owned(),
            other => format!("{other}/0"),
        };
        assert!(!opening.opens(&event), "{}", opening.pointer);
        assert!(!opens_in_parts(opening, &event), "{}", opening.pointer);
    }
}

#[test]
fn what_only_resembles_its_commitment_is_not_opened() {
    let encoded = built(customer());
    let event = parsed(&encoded);
    let right = event["after"].as_str().unwrap();
    let mut shorter = right.to_owned();
    let last = shorter.pop().unwrap();
    // Of the last character two bits stand for nothing.
    let same_bits = format!("{shorter}{}", char::from_u32(u32::from(last) + 1).unwrap());
    let (padded, longer) = (format!("{right}="), format!("{right}A"));
    for wrong in [&*same_bits, &padded, &longer, &shorter, "", &right.repeat(2)] {
        let mut event = event.clone();
        event["after"] = json!(wrong);
        assert!(!opens(&openings(&encoded), "/after", &event), "{wrong} for {right}");
    }
    let another_alphabet = right.replace('-', "+").replace('_', "/");
    let mut event = event.clone();
    event["after"] = json!(another_alphabet);
    assert_ne!(another_alphabet, right);
    assert!(!opens(&openings(&encoded), "/after", &event));
}

#[test]
fn a_commitment_that_the_event_does_not_name_as_personal_is_not_opened() {
    let encoded = built(customer());
    let mut event = parsed(&encoded);
    let named = event["personal"].as_array_mut().unwrap();
    named.retain(|pointer| pointer != "/after");
    assert!(!opens(&openings(&encoded), "/after", &event));
    assert!(opens(&openings(&encoded), "/message", &event));
    event.as_object_mut().unwrap().remove("personal");
    assert!(!opens(&openings(&encoded), "/message", &event));
}

#[test]
fn no_part_of_a_value_can_pose_as_a_part_of_its_salt() {
    // The commitment is of salt and value one behind the other: the salt's length must be fixed.
    let encoded =
        built(Event::builder("salary.set").metadata("amount", 95_000).personal("/metadata/amount"));
    let event = parsed(&encoded);
    assert!(opens(&openings(&encoded), "/metadata/amount", &event));
    let longer = base64::Engine::encode(
        &base64::prelude::BASE64_URL_SAFE_NO_PAD,
        [super::SALT.as_slice(), b"9"].concat(),
    );
    let forged = json!({"/metadata/amount": [longer, 5_000]}).to_string();
    let opened =
        open_all(&forged).is_ok_and(|openings| opens(&openings, "/metadata/amount", &event));
    assert!(!opened, "95000 was opened as 5000");
}

#[test]
fn a_number_that_became_text_is_disclosed_as_text_and_as_nothing_else() {
    let encoded =
        built(Event::builder("rate.set").metadata("rate", 1.5).personal("/metadata/rate"));
    assert_eq!(openings(&encoded)[0].value, json!("1.5"));
    let forged = tampered(&encoded, "/metadata/rate", |pair| pair[1] = json!(1.5));
    let forged = &forged[0];
    assert!(
        !forged.opens(&parsed(&encoded)) || forged.value == json!("1.5"),
        "opened as {}",
        forged.value
    );
}

#[test]
fn openings_of_another_form_are_refused() {
    for text in [
        "",
        "[]",
        "{\"/a\":1}",
        "{\"/a\":[]}",
        "{\"/a\":[\"AAAAAAAAAAAAAAAAAAAAAA\"]}",
        "{\"/a\":[1,2]}",
        "{\"/a\":[\"?\",2]}",
        "{\"/a\":[\"AAAAAAAAAAAAAAAAAAAAAA\",1,2]}",
        "{\"/a\":[\"\",2]}",
        "{\"/a\":[\"AAAA\",2]}",
    ] {
        assert!(open_all(text).is_err(), "{text}");
    }
    assert_eq!(open_all("{}").unwrap(), []);
}

#[test]
fn a_pointer_in_any_spelling_hides_the_value_that_it_names() {
    let payload = json!({"a~b": SECRET, "c\0d": SECRET, "plain": SECRET});
    for root in ["/before", "/after", "/metadata/m", "/changes/0/before", "/changes/0/after"] {
        let change = Change {
            path: String::new(),
            before: Some(payload.clone()),
            after: Some(payload.clone()),
        };
        let event =
            Event::builder("a.b").before(payload.clone()).after(payload.clone()).change(change);
        let event = event.metadata("m", payload.clone()).personal(format!("{root}/a~b"));
        let event = event
            .personal(format!("{root}/a~0b"))
            .personal(format!("{root}/c\0d"))
            .personal(format!("{root}/plain"));
        let encoded = built(event);
        assert_eq!(encoded.canon.matches(SECRET).count(), 12, "{root}");
        let named = parsed(&encoded)["personal"].clone();
        assert_eq!(
            named,
            json!([format!("{root}/a~0b"), format!("{root}/c\u{fffd}d"), format!("{root}/plain")])
        );
        assert_eq!(openings(&encoded).len(), 3);
    }
}

#[test]
fn a_pointer_to_a_payload_that_is_not_there_is_passed_over() {
    let event = Event::builder("a.b").metadata("y", SECRET).personal("/metadata/y");
    let nowhere = ["/changes", "/before", "/metadata/y/z", "/changes/0/before", "/changes/0"];
    let encoded = built(nowhere.into_iter().fold(event, EventBuilder::personal));
    assert_eq!(parsed(&encoded)["personal"], json!(["/metadata/y"]));
    assert!(!encoded.canon.contains(SECRET));
}

#[test]
fn a_pointer_to_what_cannot_be_personal_is_refused_and_its_value_never_written() {
    for pointer in ["/tags/0", "/labels/x", "/action", "", "before", "/Before/iban"] {
        let event = Event::builder("a.b").tag(SECRET).label("x", SECRET).before(SECRET);
        let event = event.tenant("t-1").retention("long").personal(pointer);
        let refused = EventError::Personal { pointer: pointer.to_owned() };
        assert_eq!(event.clone().build().unwrap_err(), refused);
        let encoded = event.seal(&SystemClock::new()).encode(&Producer::new("test"), 0);
        assert!(!encoded.canon.contains(SECRET), "{}", encoded.canon);
        let reduced = parsed(&encoded);
        assert_eq!(reduced["error"]["code"], "audit.invalid_event");
        assert_eq!((&reduced["tenant"], &*encoded.class), (&json!("t-1"), "long"));
    }
}

#[test]
fn a_pointer_to_all_of_the_metadata_or_to_a_change_means_the_values_in_it() {
    let change = Change { path: "/x".into(), before: Some(json!(SECRET)), after: None };
    let event = Event::builder("a.b").metadata("a", SECRET).metadata("b/c", SECRET).change(change);
    for pointer in ["/changes", "/changes/0"] {
        let encoded = built(event.clone().personal("/metadata").personal(pointer));
        let all = json!(["/changes/0/before", "/metadata/a", "/metadata/b~1c"]);
        assert_eq!(parsed(&encoded)["personal"], all);
        assert!(!encoded.canon.contains(SECRET));
    }
}

/// Two names that differ only in what is scrubbed get names of their own then: both are what was meant, or one would stand in the clear.
#[test]
fn what_is_personal_is_so_under_each_name_that_was_scrubbed_into_the_same() {
    let twice = json!({"ssn\u{7}": SECRET, "ssn\u{fffd}": SECRET, "ssn": "seen"});
    let event = Event::builder("a.b").before(json!([twice]));
    let event = event.metadata("ssn\u{7}", SECRET).metadata("ssn\u{fffd}", SECRET);
    let encoded = built(event.personal("/metadata/ssn\u{7}").personal("/before/0/ssn\u{fffd}"));
    assert!(!encoded.canon.contains(SECRET), "{}", encoded.canon);
    // Under the names below those, too.
    let event =
        Event::builder("a.b").metadata("k\u{1}", json!({"y\u{1}": SECRET, "y\u{2}": SECRET}));
    let event = event.metadata("k\u{2}", json!({"y\u{1}\u{1}": SECRET}));
    let event = event.personal("/metadata/k\u{1}/y\u{1}").personal("/metadata/k\u{2}/y\u{1}\u{1}");
    let nested = built(event);
    assert!(!nested.canon.contains(SECRET), "{}", nested.canon);
    let ssn = |outer: &str| ["\u{fffd}", "\u{fffd}\u{fffd}"].map(|end| format!("{outer}/ssn{end}"));
    assert_eq!(parsed(&encoded)["personal"], json!([ssn("/before/0"), ssn("/metadata")].concat()));
    assert_eq!(openings(&encoded).len(), 4);
}

#[test]
fn any_number_of_names_can_be_scrubbed_into_the_same() {
    let controls = || ('\u{1}'..'\u{1f}').filter(|c| !c.is_whitespace());
    let names = controls().flat_map(|a| controls().map(move |b| format!("{a}{b}")));
    let names: Vec<_> = names.collect();
    let event =
        names.iter().fold(Event::builder("a.b"), |event, name| event.metadata(name, SECRET));
    let mut event = event.personal("/metadata").build().unwrap();
    event.fields.settle_personal();
    assert_eq!(
        (event.fields.metadata.len(), event.fields.personal.len()),
        (names.len(), names.len())
    );
    assert!(event.fields.metadata.keys().all(|name| name.len() <= 12));
}

#[test]
fn an_address_is_kept_as_sixteen_bytes_in_which_networks_are_ranges() {
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];
    let v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01];
    for (ip, text, octets) in [
        ("10.0.0.1", "10.0.0.1", mapped),
        ("::ffff:10.0.0.1", "10.0.0.1", mapped),
        ("2001:db8::1", "2001:db8::1", v6),
    ] {
        let ip: IpAddr = ip.parse().unwrap();
        let event = Event::builder("a.b").request(RequestInfo::new().ip(ip)).build().unwrap();
        let encoded = encode(&event);
        assert!(!encoded.canon.contains(text));
        let openings = openings(&encoded);
        assert_eq!(openings[0].value, text);
        assert_eq!(ip_of(&openings), Some(octets));
        assert_eq!(event.ip(), Some(octets));
    }
    assert_eq!(Event::builder("a.b").build().unwrap().ip(), None);
    assert_eq!(ip_of(&[]), None);
}

proptest! {
    #![proptest_config(cases(20_000, 300))]

    #[test]
    fn the_bytes_name_exactly_the_places_that_have_openings(model in event()) {
        let encoded = built(builder(&model));
        let named = parsed(&encoded).get("personal").cloned().unwrap_or_else(|| json!([]));
        let expected = personal(&model);
        prop_assert_eq!(&named, &json!(&expected));
        let mut opened: Vec<String> = openings(&encoded).into_iter().map(|opening| opening.pointer).collect();
        opened.sort();
        prop_assert_eq!(opened, expected);
    }
}
