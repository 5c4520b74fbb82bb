//! Values so deep that whoever follows them by recursion runs out of stack.

use std::thread;

use serde_json::{Map, Value};

use crate::clock::SystemClock;
use crate::event::{Change, Event, EventBuilder, EventError};

const LEVELS: usize = 100_000;

fn abyss() -> Value {
    let mut value = Value::from("core");
    for level in 0..LEVELS {
        value = match level % 2 {
            0 => Value::Array(vec![value]),
            _ => Value::Object(Map::from_iter([("in".to_owned(), value)])),
        };
    }
    value
}

fn events(action: &'static str) -> [EventBuilder; 4] {
    let event = || Event::builder(action);
    [
        event().before(abyss()).personal("/before/0/in"),
        event().after(abyss()),
        event().metadata("deep", abyss()),
        event().change(Change { path: String::new(), before: None, after: Some(abyss()) }),
    ]
}

/// On a stack as tokio's workers have it.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn an_abyss_of_a_payload_is_left_out_and_takes_no_stack() {
    on_a_small_stack(|| {
        for (event, member) in
            events("a.b").into_iter().zip(["/before", "/after", "/metadata", "/changes"])
        {
            let event = event.seal(&SystemClock::new());
            assert_eq!(event.fields.truncated(), [member]);
            assert_eq!(
                super::parsed(&super::encode(&event)).get(member.trim_start_matches('/')),
                None
            );
        }
    });
}

#[test]
fn an_abyss_of_a_payload_is_refused_and_takes_no_stack() {
    on_a_small_stack(|| {
        for (event, member) in
            events("a.b").into_iter().zip(["/before", "/after", "/metadata", "/changes"])
        {
            assert_eq!(event.build().unwrap_err(), EventError::TooDeep { member });
        }
        for event in events("Not A Name")
            .into_iter()
            .chain(events("a.b").map(|event| event.retention("audit")))
        {
            assert!(event.build().is_err());
        }
    });
}

#[test]
fn an_abyss_in_an_event_that_is_never_recorded_takes_no_stack() {
    on_a_small_stack(|| drop(events("a.b").map(|event| event.clone())));
}

#[test]
fn an_abyss_in_an_event_that_is_reduced_takes_no_stack() {
    on_a_small_stack(|| {
        for event in events("Not A Name") {
            assert_eq!(event.seal(&SystemClock::new()).action(), "audit.invalid_event");
        }
    });
}
