//! Derived snapshots: what of a value stands in an event, and that nothing else does.

#![cfg(test)]
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use audit_core::event::{EncodedEvent, Producer, open_all};
use audit_core::{AuditValue, Auditable, Event, EventBuilder};
use serde_json::{Value, json};

const SECRET: &str = "s3cr3t-value";
const OTHER: &str = "0th3r-value";
const PRIVATE: &str = "pr1vate-value";

/// Serialised on purpose, so that only the rules stand between the secret and the bytes.
#[derive(Auditable, Clone, Default, serde::Serialize)]
struct Login {
    user: String,
    #[audit(redact)]
    password: String,
    #[audit(personal)]
    phone: String,
    #[audit(skip)]
    attempts: u32,
}

#[derive(Auditable, Clone, Default, serde::Serialize)]
struct Token(#[audit(redact)] String);

#[derive(Auditable, Clone, Default, serde::Serialize)]
#[audit(resource = "account")]
struct Account {
    #[audit(id)]
    id: u64,
    plan: String,
    #[audit(redact)]
    secret: String,
    #[audit(redact)]
    answers: Vec<String>,
    nested: Login,
    many: Vec<Login>,
    maybe: Option<Login>,
    #[serde(skip)]
    shared: Option<Arc<Login>>,
    by_name: BTreeMap<String, Login>,
    pair: (Token, u8),
    tokens: Vec<Token>,
    token: Option<Token>,
    #[audit(flatten)]
    flat: Option<Flat>,
    state: Option<State>,
}

#[derive(Auditable, Clone, Default, serde::Serialize)]
struct Flat {
    #[audit(redact)]
    pin: String,
    hint: String,
}

#[derive(Auditable, Clone, serde::Serialize)]
enum State {
    Open,
    Locked(#[audit(redact)] String),
    Moved {
        to: String,
        #[audit(redact)]
        key: String,
    },
    Both(Login, u8),
}

fn login(password: &str) -> Login {
    let user = "ada".to_owned();
    Login { user, password: password.to_owned(), phone: PRIVATE.to_owned(), attempts: 3 }
}

fn account(secret: &str) -> Account {
    let text = || secret.to_owned();
    Account {
        id: 7,
        plan: "small".to_owned(),
        secret: text(),
        answers: vec![text()],
        nested: login(secret),
        many: vec![login(secret), login(secret)],
        maybe: Some(login(secret)),
        shared: Some(Arc::new(login(secret))),
        by_name: BTreeMap::from([("first".to_owned(), login(secret))]),
        pair: (Token(text()), 1),
        tokens: vec![Token(text())],
        token: Some(Token(text())),
        flat: Some(Flat { pin: text(), hint: "seen".to_owned() }),
        state: Some(State::Moved { to: "away".to_owned(), key: text() }),
    }
}

fn event() -> EventBuilder {
    Event::builder("account.change")
}

/// The event in the log; no text that is kept anywhere holds a secret, and the bytes nothing personal.
fn recorded(event: EventBuilder) -> Value {
    let open = format!("{event:?}");
    let event = event.build().expect("an event");
    let closed = format!("{event:?}");
    let encoded = event.encode(&Producer::new("test"), 0);
    let EncodedEvent { canon, openings, .. } = &encoded;
    let texts =
        [&open, &closed, canon, openings.as_deref().unwrap_or_default(), &format!("{encoded:?}")];
    for text in texts {
        assert!(!text.contains(SECRET) && !text.contains(OTHER), "{text}");
    }
    assert!(!canon.contains(PRIVATE), "{canon}");
    let event: Value = serde_json::from_str(canon).expect("JSON");
    for opening in
        openings.as_deref().map(|text| open_all(text).expect("openings")).unwrap_or_default()
    {
        assert!(opening.opens(&event), "{}", opening.pointer);
    }
    event
}

#[test]
fn a_redacted_value_is_in_no_byte_of_a_state_and_is_named_wherever_it_stood() {
    let account = account(SECRET);
    assert!(serde_json::to_string(&account).expect("JSON").contains(SECRET), "nothing to hide");
    let snapshot = account.snapshot();
    let shown = format!("{snapshot:?} {}", snapshot.value());
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(!format!("{snapshot:?}").contains(PRIVATE));
    let paths = [
        "answers",
        "by_name/first/password",
        "many/0/password",
        "many/1/password",
        "maybe/password",
        "nested/password",
        "pair/0",
        "pin",
        "secret",
        "shared/password",
        "state/Moved/key",
        "token",
        "tokens/0",
    ];
    for (event, root) in
        [(event().created(&account), "after"), (event().deleted(&account), "before")]
    {
        let event = recorded(event);
        assert_eq!(event["redacted"], json!(paths.map(|path| format!("/{root}/{path}"))));
        assert_eq!(event["resource"], json!({"type": "account", "id": "7"}));
        let state = &event[root];
        assert_eq!(state["nested"]["user"], "ada");
        assert_eq!(state["nested"].get("password"), None);
        assert_eq!(state["nested"].get("attempts"), None);
        assert_eq!((&state["pair"], &state["tokens"]), (&json!([null, 1]), &json!([null])));
        assert_eq!((&state["hint"], state.get("flat")), (&json!("seen"), None));
    }
}

#[test]
fn a_redacted_value_that_changed_is_told_by_its_path_alone() {
    let event = recorded(event().changed(&account(SECRET), &account(OTHER)));
    let paths: BTreeSet<&str> = event["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| {
            assert_eq!(change.as_object().map(serde_json::Map::len), Some(1), "{change}");
            change["path"].as_str().expect("a path")
        })
        .collect();
    assert_eq!(
        paths,
        BTreeSet::from([
            "/answers",
            "/by_name/first/password",
            "/many/0/password",
            "/many/1/password",
            "/maybe/password",
            "/nested/password",
            "/pair/0",
            "/pin",
            "/secret",
            "/shared/password",
            "/state/Moved/key",
            "/token",
            "/tokens/0",
        ])
    );
    let redacted = event["redacted"].as_array().expect("redacted");
    assert_eq!(redacted.len(), 2 * paths.len());
    assert!(redacted.contains(&json!("/changes/12/before")), "{redacted:?}");
    assert!(redacted.contains(&json!("/changes/12/after")), "{redacted:?}");
}

#[test]
fn what_is_added_and_removed_as_a_whole_keeps_its_rules() {
    let full = account(SECRET);
    let empty = Account { id: 7, plan: "small".to_owned(), ..Account::default() };
    for (before, after, side) in [(&full, &empty, "before"), (&empty, &full, "after")] {
        let event = recorded(event().changed(before, after));
        let changes = event["changes"].as_array().expect("changes");
        let at = |path: &str| changes.iter().position(|change| change["path"] == path);
        let maybe = at("/maybe").expect("a change");
        assert_eq!(changes[maybe][side]["user"], "ada");
        for (list, member) in [("personal", "phone"), ("redacted", "password")] {
            let pointer = json!(format!("/changes/{maybe}/{side}/{member}"));
            assert!(event[list].as_array().is_some_and(|all| all.contains(&pointer)), "{pointer}");
        }
        let token = at("/tokens/0").expect("a change");
        assert_eq!(changes[token], json!({"path": "/tokens/0"}));
        let pointers = event["redacted"].as_array().expect("redacted");
        assert!(pointers.contains(&json!(format!("/changes/{token}/{side}"))), "{pointers:?}");
        assert!(at("/tokens").is_none() && at("/nested").is_none() && at("/many").is_none());
    }
}

#[test]
fn nothing_changed_is_no_change() {
    let event = recorded(event().changed(&account(SECRET), &account(SECRET)));
    assert_eq!((event.get("changes"), event.get("redacted")), (None, None));
    assert_eq!(event["resource"]["id"], "7");
}

#[test]
fn personal_values_are_commitments_at_each_place() {
    let mut after = account(SECRET);
    after.nested.phone = format!("{PRIVATE}-2");
    after.many.pop();
    let event = recorded(event().changed(&account(SECRET), &after));
    let paths: Vec<_> =
        event["changes"].as_array().into_iter().flatten().map(|c| &c["path"]).collect();
    assert_eq!(paths, ["/many/1", "/nested/phone"]);
    assert_eq!(
        event["personal"],
        json!(["/changes/0/before/phone", "/changes/1/after", "/changes/1/before"])
    );
}

#[derive(Auditable)]
#[audit(resource = "person")]
struct Person {
    #[audit(id)]
    id: &'static str,
    #[audit(personal)]
    address: Address,
    #[audit(personal)]
    contacts: BTreeMap<String, String>,
    #[audit(personal)]
    born: Option<u16>,
}

#[derive(Auditable, Clone)]
struct Address {
    street: String,
    #[audit(redact)]
    gate_code: String,
}

#[test]
fn no_path_leads_into_a_personal_value_and_what_is_redacted_in_it_stays_out() {
    let address = |code: &str| Address { street: PRIVATE.to_owned(), gate_code: code.to_owned() };
    let before = Person {
        id: "p-1",
        address: address(SECRET),
        contacts: BTreeMap::from([(PRIVATE.to_owned(), "+1".to_owned())]),
        born: None,
    };
    let after = Person {
        id: "p-1",
        address: address(OTHER),
        contacts: BTreeMap::from([(PRIVATE.to_owned(), "+2".to_owned())]),
        born: Some(1815),
    };
    let event_of_change = recorded(event().changed(&before, &after));
    let paths = event_of_change["changes"].as_array().into_iter().flatten().map(|c| &c["path"]);
    assert_eq!(paths.collect::<Vec<_>>(), ["/address", "/born", "/contacts"]);
    let personal =
        (0..3).flat_map(|i| ["after", "before"].map(|side| format!("/changes/{i}/{side}")));
    assert_eq!(event_of_change["personal"], json!(personal.collect::<Vec<_>>()));
    let created = recorded(event().created(&after));
    assert_eq!(created["personal"], json!(["/after/address", "/after/born", "/after/contacts"]));
    assert_eq!(created["redacted"], json!(["/after/address"]));
}

#[derive(Auditable)]
struct Shapes<'a, T: AuditValue, S: serde::Serialize> {
    unit: Unit,
    empty: Empty,
    newtype: Newtype,
    skipped: Skipped,
    tuple: Tuple,
    states: [State; 3],
    by_rules: &'a T,
    by_serde: S,
    #[audit(rename = "type")]
    kind: char,
    r#loop: u128,
    #[audit(flatten)]
    more: BTreeMap<&'static str, i8>,
    #[audit(flatten)]
    nothing: Option<Empty>,
    #[audit(flatten)]
    number: u8,
}

#[derive(Auditable)]
struct Unit;

#[derive(Auditable)]
struct Empty {}

#[derive(Auditable)]
struct Newtype(f64);

#[derive(Auditable)]
struct Skipped(#[audit(skip)] fn());

#[derive(Auditable)]
struct Tuple(bool, #[audit(skip)] fn(), ());

#[test]
fn each_shape_has_its_json() {
    let shapes = Shapes {
        unit: Unit,
        empty: Empty {},
        newtype: Newtype(1.5),
        skipped: Skipped(|| {}),
        tuple: Tuple(true, || {}, ()),
        states: [State::Open, State::Locked(SECRET.to_owned()), State::Both(login(SECRET), 1)],
        by_rules: &login(SECRET),
        by_serde: std::net::Ipv4Addr::LOCALHOST,
        kind: 'k',
        r#loop: u128::MAX,
        more: BTreeMap::from([("a", 1), ("unit", -1)]),
        nothing: None,
        number: 4,
    };
    // The fields that no event shows.
    (shapes.skipped.0)();
    (shapes.tuple.1)();
    let snapshot = shapes.audit_value();
    let login = json!({"user": "ada", "phone": PRIVATE});
    assert_eq!(
        snapshot.value(),
        json!({
            "unit": null,
            "empty": {},
            "newtype": 1.5,
            "skipped": null,
            "tuple": [true, null],
            "states": ["Open", {}, {"Both": [login, 1]}],
            "by_rules": login,
            "by_serde": "127.0.0.1",
            "type": "k",
            "loop": u128::MAX.to_string(),
            "a": 1,
            "unit\u{fffd}": -1,
            "number": 4,
        })
    );
    assert_eq!(snapshot.personal(), ["/by_rules/phone", "/states/2/Both/0/phone"]);
    assert_eq!(
        snapshot.redacted(),
        ["/by_rules/password", "/states/1/Locked", "/states/2/Both/0/password"]
    );
}

/// A secret that nothing can read.
struct Sealed;

/// One that only `Hash` can.
#[derive(Hash)]
struct Hashed(&'static str);

#[derive(Auditable)]
#[audit(resource = "safe")]
struct Safe {
    #[audit(id, skip)]
    id: u8,
    #[audit(redact)]
    sealed: Sealed,
    #[audit(redact)]
    hashed: Hashed,
    #[audit(redact)]
    nested: Option<Address>,
}

#[test]
fn a_secret_needs_no_trait_and_its_change_is_told_where_something_can_tell() {
    let safe = |text: &'static str| {
        let nested = Address { street: String::new(), gate_code: text.to_owned() };
        Safe { id: 1, sealed: Sealed, hashed: Hashed(text), nested: Some(nested) }
    };
    let (before, after) = (safe(SECRET), safe(OTHER));
    let _: (&Sealed, &str) = (&before.sealed, before.hashed.0);
    let event = recorded(event().changed(&before, &after));
    assert_eq!(event["changes"], json!([{"path": "/hashed"}, {"path": "/nested"}]));
    assert_eq!(event["resource"], json!({"type": "safe", "id": "1"}));
    assert_eq!(after.snapshot().value(), json!({}));
}

#[derive(Auditable)]
#[audit(resource = "note")]
struct Note {
    #[audit(id)]
    id: u8,
    body: Unspeakable,
    names: BTreeMap<String, Login>,
}

/// Has no JSON, and says so with the value in the error.
struct Unspeakable;

impl serde::Serialize for Unspeakable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(SECRET))
    }
}

impl fmt::Debug for Unspeakable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECRET)
    }
}

#[test]
fn a_value_without_json_leaves_a_mark_and_never_loses_the_event() {
    let note = Note { id: 1, body: Unspeakable, names: BTreeMap::new() };
    let event = recorded(event().created(&note));
    assert_eq!(event["after"], json!({"id": 1, "body": "[no JSON]", "names": {}}));
    assert_eq!(event["truncated"], json!(["/after"]));
}

#[test]
fn names_with_control_characters_lead_no_personal_value_into_the_clear() {
    let names = ["a\0", "a\u{1}", "a\u{fffd}", "~/"].map(|name| (name.to_owned(), login(SECRET)));
    let note = Note { id: 1, body: Unspeakable, names: BTreeMap::from(names) };
    let event_of_creation = recorded(event().created(&note));
    assert_eq!(event_of_creation["personal"].as_array().map(Vec::len), Some(4));
    let none = Note { id: 1, body: Unspeakable, names: BTreeMap::new() };
    let event_of_change = recorded(event().changed(&none, &note));
    assert_eq!(event_of_change["personal"].as_array().map(Vec::len), Some(4));
    assert_eq!(event_of_change["truncated"], json!(["/changes"]));
}

#[test]
fn the_resource_is_named_unless_the_event_names_another() {
    let account = account(SECRET);
    let named = |event: EventBuilder| recorded(event.created(&account))["resource"].clone();
    let untold = audit_core::Resource::of_type;
    assert_eq!(named(event()), json!({"type": "account", "id": "7"}));
    assert_eq!(named(event().on(untold("account"))), json!({"type": "account", "id": "7"}));
    assert_eq!(named(event().on(untold("tenant"))), json!({"type": "tenant"}));
    assert_eq!(named(event().resource("account", "8")), json!({"type": "account", "id": "8"}));
}
