//! The words of a reference, and what they are here.

use std::collections::BTreeMap;

use audit_core::recorder::RecorderBuilder;
use audit_core::store::Entry;
use audit_core::{Action, Event, Query, actions};

use super::log::Log;

/// The actions that the documents give the words of a reference.
fn ours(reference: &str) -> BTreeMap<&'static str, &'static str> {
    let document = include_str!("../../../docs/vocabulary.md");
    let (_, table) = document.split_once("| action |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let cells = |row: &'static str| row.trim_matches('|').split('|').map(str::trim);
    let mut rows = table.lines();
    let column = 1 + cells(rows.next().unwrap()).position(|name| name == reference).unwrap();
    let words = rows.skip(1).flat_map(|row| {
        let action = cells(row).next().unwrap().trim_matches('`');
        let words = cells(row).nth(column).unwrap().split(", ").map(|word| word.trim_matches('`'));
        words.filter(|word| !word.is_empty()).map(move |word| (word, action))
    });
    words.collect()
}

/// Each of the words has an action, which a recorder knows that refuses all others; its events are found, and say what the
/// action says.
pub(super) async fn assert_known(reference: &str, words: &[&str]) {
    let Some(log) = Log::told(RecorderBuilder::refuse_unknown_actions).await else { return };
    let ours = ours(reference);
    for word in words {
        let action = *ours.get(word).unwrap_or_else(|| panic!("{word} has no action"));
        log.recorder.record(Event::builder(action).label("word", *word)).await;
    }
    assert!(log.recorded("audit.invalid_event").await.is_empty());
    for word in words {
        let known = |action: &&Action| action.name() == ours[word];
        let action = actions::ALL.iter().find(known).unwrap();
        let found = log.search(Query::new().label("word", word).action(action.name())).await;
        let [entry] = &found[..] else { panic!("{word}: {found:?}") };
        assert_eq!(entry.is_security_relevant(), action.is_security_relevant(), "{word}");
        let event = Entry::event(entry);
        for member in ["category", "severity", "sensitivity"] {
            assert!(event[member].is_string(), "{member} of {word}");
        }
    }
    assert_eq!(ours.len(), words.len(), "the table has other words of {reference}");
}
