use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{ALL, Catalogue};
use crate::event::{
    Action, Event, EventBuilder, EventError, Outcome, Producer, Sensitivity, Severity,
};

/// The rows of the table, by their action: what else is in them.
fn documented() -> BTreeMap<String, Vec<String>> {
    let document = include_str!("../../../docs/vocabulary.md");
    let (_, table) = document.split_once("| action |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().skip(2).map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        (cells.next().unwrap().trim_matches('`').to_owned(), cells.collect())
    });
    rows.collect()
}

#[test]
fn the_table_in_the_documents_says_what_the_constants_say() {
    let mut documented = documented();
    for action in ALL {
        let row = documented.remove(action.name()).unwrap_or_default();
        let marks = [(action.security, "security"), (action.alert, "alert")];
        let marks: Vec<_> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        let said = [
            action.category.unwrap(),
            action.severity.unwrap().as_str(),
            action.sensitivity.unwrap().as_str(),
            &marks.join(", "),
        ];
        assert_eq!(row.get(..4).unwrap_or_default(), said, "{}", action.name());
    }
    assert!(documented.is_empty(), "in the table alone: {documented:?}");
}

#[test]
fn names_are_valid_and_each_is_there_once() {
    let mut names: Vec<_> = ALL.iter().map(Action::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
    let mut catalogue = Catalogue::default();
    catalogue.add(ALL.iter().cloned());
    assert_eq!(catalogue.check_names(), Ok(()));
    catalogue.add(["Not.so".into()].into_iter());
    assert!(matches!(catalogue.check_names(), Err(EventError::Action { .. })));
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    let pay = Action::new("invoice.pay").category("billing").severity(Severity::Info);
    catalogue.add([pay.sensitivity(Sensitivity::High).security().alert()].into_iter());
    catalogue
}

#[test]
fn a_bare_name_says_what_the_catalogue_says_and_what_the_event_says_stands() {
    let fields = |event: EventBuilder| catalogue().complete(event).build().unwrap().fields;
    let bare = fields(Event::builder("invoice.pay"));
    assert_eq!(bare.category.as_deref(), Some("billing"));
    assert_eq!((bare.severity, bare.sensitivity), (Some(Severity::Info), Some(Sensitivity::High)));
    assert_eq!(bare.tags, ["alert", "security"]);

    let event = Event::builder("invoice.pay").category("money").severity(Severity::Debug);
    let said = fields(event.sensitivity(Sensitivity::Low).tag("alert"));
    assert_eq!(said.category.as_deref(), Some("money"));
    assert_eq!((said.severity, said.sensitivity), (Some(Severity::Debug), Some(Sensitivity::Low)));
    assert_eq!(said.tags, ["alert", "security"]);

    let other = fields(Event::builder("invoice.look"));
    assert_eq!((other.category, other.severity, other.tags), (None, None, vec![]));
}

#[test]
fn of_two_actions_with_one_name_the_later_is_meant() {
    let mut catalogue = catalogue();
    catalogue.add([Action::new("invoice.pay").category("money")].into_iter());
    let event = catalogue.complete(Event::builder("invoice.pay")).build().unwrap();
    assert_eq!(event.fields.category.as_deref(), Some("money"));
    assert!(!event.is_security_relevant());
}

#[test]
fn a_closed_catalogue_takes_its_own_actions_and_those_of_the_log_itself() {
    let mut catalogue = catalogue();
    assert_eq!(catalogue.check("invoice.look"), Ok(()));
    catalogue.close();
    for known in ["invoice.pay", "audit.policy"] {
        assert_eq!(catalogue.check(known), Ok(()), "{known}");
    }
    let unknown = |name: &str| EventError::UnknownAction { name: name.to_owned() };
    assert_eq!(catalogue.check("invoice.look"), Err(unknown("invoice.look")));
    assert_eq!(catalogue.check("auditor.look"), Err(unknown("auditor.look")));
    let event = catalogue.complete(Event::builder("invoice.look"));
    assert_eq!(event.build().unwrap_err(), unknown("invoice.look"));
}

fn json(event: EventBuilder) -> Value {
    let canon = event.build().unwrap().encode(&Producer::new("test"), 0).canon;
    serde_json::from_str(&canon).unwrap()
}

#[test]
fn a_call_that_is_answered_from_400_on_has_failed() {
    let took = Duration::from_millis(80);
    let call = |status| json(Event::outbound_call("GET", "https://bank.example/a", status, took));
    let good = call(399);
    assert_eq!(good["action"], "http.call");
    assert_eq!((&good["outcome"], &good["severity"]), (&"success".into(), &"info".into()));
    assert_eq!(good["error"], Value::Null);
    assert_eq!(good["metadata"]["status"], 399);
    assert_eq!(good["duration_us"], 80_000);
    let bad = call(400);
    assert_eq!(bad["action"], "http.call_failed");
    assert_eq!((&bad["outcome"], &bad["severity"]), (&"failure".into(), &"error".into()));
    assert_eq!(bad["error"], serde_json::json!({"kind": "http", "code": "400"}));
    for call in [good, bad] {
        assert_eq!(call["category"], "api");
        assert_eq!(call["resource"]["id"], "GET https://bank.example/a");
    }
}

#[test]
fn tags_are_added_once_removed_and_tested() {
    let event = Event::builder("a.b").tag("x").tag("y").tag("x").remove_tag("y").remove_tag("z");
    assert!(event.has_tag("x") && !event.has_tag("y"));
    assert_eq!(event.build().unwrap().fields.tags, ["x"]);
}

#[test]
fn an_error_is_what_is_severe_and_not_what_has_failed() {
    let is_error = |event: EventBuilder| event.build().unwrap().is_error();
    assert!(!is_error(Event::builder("a.b").outcome(Outcome::Failure)));
    assert!(!is_error(Event::builder("a.b").severity(Severity::Warning)));
    assert!(is_error(Event::builder("a.b").severity(Severity::Error)));
    assert!(is_error(Event::builder("a.b").severity(Severity::Critical)));
}
