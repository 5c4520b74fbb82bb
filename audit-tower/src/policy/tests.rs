use http::{StatusCode, header};
use proptest::prelude::*;

use super::*;

const TEXT: &str = r#"
[[rule]]
record = "none"
reason = "says only that it runs"
routes = ["/health", "/assets/*"]

[[rule]]
record = "request"
methods = ["POST", "PURGE"]
routes = ["/login"]
headers = ["Content-Type"]
body = 4096
redact = ["code"]

[[rule]]
record = "metadata"
statuses = [404, "5xx", "300-302"]
outcomes = ["cancelled"]
actors = ["svc:*"]
actions = ["invoice.*"]
"#;

fn ask(policy: &Policy, method: Method, route: &str, outcome: Outcome, status: u16) -> Level {
    let asked = Asked { method: &method, route: Some(route) };
    let status = StatusCode::from_u16(status).ok();
    let ended = Ended { action: REQUEST_ACTION, actor: Some("u-1"), outcome, status };
    policy.rule(asked, ended).unwrap().record
}

#[test]
fn a_policy_reads_from_toml_as_it_is_written_in_code() {
    let rules = [
        Rule::none("says only that it runs").routes(["/health", "/assets/*"]),
        Rule::request()
            .methods([Method::POST, Method::from_bytes(b"PURGE").unwrap()])
            .routes(["/login"])
            .headers([header::CONTENT_TYPE])
            .body(4_096)
            .redact(["code"]),
        Rule::metadata()
            .statuses([404..=404, 500..=599, 300..=302])
            .outcomes([Outcome::Cancelled])
            .actors(["svc:*"])
            .actions(["invoice.*"]),
    ];
    assert_eq!(Policy::from_toml(TEXT), Policy::new(rules));
    assert_eq!(Policy::from_toml(""), Ok(Policy::default()));
}

#[test]
fn the_first_rule_that_is_for_a_request_counts_and_the_default_ones_come_last() {
    use Outcome::{Denied, Failure, Success};
    let policy = Policy::new([
        Rule::none("no data").routes(["/health"]),
        Rule::metadata().routes(["/health", "/reports/*"]),
        Rule::none("a robot").actors(["u-1"]).routes(["/robot"]),
    ])
    .unwrap();
    for (method, route, outcome, status, level) in [
        (Method::GET, "/health", Success, 200, Level::None),
        (Method::POST, "/health", Failure, 422, Level::None),
        // But nobody has thought of refusals.
        (Method::POST, "/health", Denied, 403, Level::Metadata),
        (Method::GET, "/reports/{id}", Success, 200, Level::Metadata),
        (Method::POST, "/robot", Success, 200, Level::None),
        (Method::GET, "/other", Success, 200, Level::None),
        (Method::GET, "/other", Failure, 404, Level::None),
        (Method::GET, "/other", Denied, 401, Level::Metadata),
        (Method::OPTIONS, "/other", Success, 200, Level::None),
        (Method::POST, "/other", Failure, 500, Level::Metadata),
        (Method::from_bytes(b"PURGE").unwrap(), "/other", Success, 200, Level::Metadata),
    ] {
        assert_eq!(ask(&policy, method.clone(), route, outcome, status), level, "{method} {route}");
    }
}

#[test]
fn each_condition_has_to_hold() {
    let rule = Rule::metadata()
        .methods([Method::GET])
        .routes(["/a", "/b*"])
        .actions(["x.*"])
        .actors(["u-1"])
        .outcomes([Outcome::Success])
        .statuses([200..=299]);
    let is_for = |method: &Method, route, action, actor, outcome, status| {
        let status = StatusCode::from_u16(status).ok();
        rule.is_for(Asked { method, route }, Ended { action, actor, outcome, status })
    };
    let (get, u) = (&Method::GET, Some("u-1"));
    assert!(is_for(get, Some("/a"), "x.y", u, Outcome::Success, 204));
    assert!(is_for(get, Some("/b/c"), "x.y", u, Outcome::Success, 204));
    assert!(is_for(&Method::HEAD, Some("/a"), "x.y", u, Outcome::Success, 204), "as GET");
    assert!(!is_for(&Method::PUT, Some("/a"), "x.y", u, Outcome::Success, 204));
    assert!(!is_for(get, Some("/a/c"), "x.y", u, Outcome::Success, 204));
    assert!(!is_for(get, None, "x.y", u, Outcome::Success, 204));
    assert!(!is_for(get, Some("/a"), "y.x", u, Outcome::Success, 204));
    assert!(!is_for(get, Some("/a"), "x.y", None, Outcome::Success, 204));
    assert!(!is_for(get, Some("/a"), "x.y", u, Outcome::Failure, 204));
    assert!(!is_for(get, Some("/a"), "x.y", u, Outcome::Success, 304));
    assert!(!is_for(get, Some("/a"), "x.y", u, Outcome::Success, 0), "without an answer");
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_to_do() {
    let in_rule = |line: &str| format!("[[rule]]\nrecord = \"metadata\"\n\n[[rule]]\n{line}\n");
    for (text, place, says) in [
        ("[[rule]\n".to_owned(), (1, 8), "unclosed"),
        ("rules = 1\n".to_owned(), (1, 1), "unknown field `rules`, expected `rule`"),
        ("rule = 1\n".to_owned(), (1, 8), "invalid type"),
        (in_rule("record = \"all\""), (5, 10), "unknown variant `all`"),
        (in_rule("reason = \"x\""), (4, 1), "missing field `record`"),
        (in_rule("record = \"metadata\"\nmethod = [\"GET\"]"), (6, 1), "expected one of `record`"),
        (in_rule("record = \"metadata\"\nmethods = [\"GET\", \"\"]"), (6, 19), "method"),
        (in_rule("record = \"metadata\"\nstatuses = [\"4x\"]"), (6, 13), "write 404"),
        (in_rule("record = \"metadata\"\nstatuses = [99]"), (6, 13), "write 404"),
        (in_rule("record = \"metadata\"\noutcomes = [\"ok\"]"), (6, 13), "`success`"),
        (in_rule("record = \"request\"\nheaders = [\"a b\"]"), (6, 12), "header name"),
        (in_rule("record = \"request\"\nbody = -1"), (6, 8), "invalid value"),
        (in_rule("record = \"metadata\"\nmethods = [\"get\"]"), (4, 1), "upper-case, as in `GET`"),
        (in_rule("record = \"metadata\"\nroutes = [\"health\"]"), (4, 1), "begin with `/`"),
        (in_rule("record = \"metadata\"\nroutes = [\"/a/*/b\"]"), (4, 1), "at the end"),
        (in_rule("record = \"metadata\"\nactions = [\"*.pay\"]"), (4, 1), "at the end"),
        (
            in_rule("record = \"metadata\"\nstatuses = [\"500-400\"]"),
            (4, 1),
            "no status from 500 to 400",
        ),
        (in_rule("record = \"none\"\nreason = \"x\"\nroutes = []"), (4, 1), "`routes` names none"),
        (in_rule("record = \"metadata\"\nmethods = []"), (4, 1), "`methods` names none"),
        (in_rule("record = \"metadata\"\nactions = []"), (4, 1), "`actions` names none"),
        (in_rule("record = \"metadata\"\nactors = []"), (4, 1), "`actors` names none"),
        (in_rule("record = \"metadata\"\noutcomes = []"), (4, 1), "`outcomes` names none"),
        (in_rule("record = \"metadata\"\nstatuses = []"), (4, 1), "`statuses` names none"),
        (in_rule("record = \"none\""), (4, 1), "needs a `reason`"),
        (in_rule("record = \"none\"\nreason = \" \""), (4, 1), "needs a `reason`"),
        (
            in_rule("record = \"none\"\nreason = \"x\"\nactions = [\"a\"]"),
            (4, 1),
            "take the function's",
        ),
        (in_rule("record = \"metadata\"\nbody = 1"), (4, 1), "record = \"request\""),
        (in_rule("record = \"request\"\nbody = 16385"), (4, 1), "16384"),
    ] {
        let error = Policy::from_toml(&text).unwrap_err();
        assert_eq!(error.position, Some(place), "{error} in {text}");
        assert!(error.why.contains(says), "{error} in {text}");
        let shown = error.to_string();
        assert!(shown.contains(&format!("line {}, column {}", place.0, place.1)), "{shown}");
    }
    let error = Policy::new([Rule::metadata(), Rule::none("")]).unwrap_err();
    assert_eq!((error.rule, error.position), (Some(2), None));
    let null = serde_json::from_str::<Rule>(r#"{"record": "none", "reason": "x", "routes": null}"#);
    assert!(null.unwrap_err().to_string().contains("expected a sequence"));
    let nowhere = Policy::new([Rule::none("as configured").routes(Vec::<String>::new())]);
    assert!(nowhere.unwrap_err().why.contains("`routes` names none"));
    let routes = (0..3_000).map(|n| format!("/route/{n}"));
    let error = Policy::new([Rule::metadata().routes(routes)]).unwrap_err();
    assert!(error.why.contains("use patterns"), "{error}");
}

#[test]
fn only_rules_that_may_be_for_a_request_want_its_body() {
    let policy = Policy::new([
        Rule::request().routes(["/login"]).statuses([400..=499]).body(1),
        Rule::metadata().routes(["/logout"]),
        Rule::request().methods([Method::POST]).body(2),
        Rule::request().body(3),
    ])
    .unwrap();
    let wanting = |method: &Method, route| {
        let asked = Asked { method, route };
        policy.wanting(asked).map(|rule| rule.body).collect::<Vec<_>>()
    };
    assert_eq!(wanting(&Method::POST, Some("/login")), [1, 2]);
    assert_eq!(wanting(&Method::GET, Some("/login")), [1, 3]);
    assert_eq!(wanting(&Method::POST, Some("/logout")), [0; 0]);
    assert_eq!(wanting(&Method::PUT, None), [3]);
    // A refusal is not left out by a rule that does not name refusals.
    let policy = Policy::new([
        Rule::none("x").routes(["/x"]),
        Rule::request().outcomes([Outcome::Denied]).body(4),
    ])
    .unwrap();
    let asked = Asked { method: &Method::GET, route: Some("/x") };
    assert_eq!(policy.wanting(asked).map(|rule| rule.body).collect::<Vec<_>>(), [4]);
    let asked = Asked { method: &Method::POST, route: Some("/login") };
    assert_eq!(Policy::default().wanting(asked).count(), 0);
}

proptest! {
    #[test]
    fn no_text_brings_the_reader_down(text in "(\\[\\[rule\\]\\]|[a-z]{1,7} ?= ?|[\"\\[\\]{},.=#\\n '0-9*/x-]|record|none|\\PC){0,40}") {
        if let Err(error) = Policy::from_toml(&text) {
            let (line, column) = error.position.unwrap_or((1, 1));
            prop_assert!(line <= text.matches('\n').count() + 1 && column <= text.chars().count() + 1);
        }
    }
}
