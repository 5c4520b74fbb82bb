//! The rules of the source that no compiler knows. Every breach is told, not only the first.
//!
//! A rule is a function from sources to findings; only this file and [`source`] touch the disk.

mod cfg_test;
mod edges;
mod layers;
mod lex;
mod manifest;
mod markers;
mod names;
mod paths;
mod size;
mod source;

use std::fmt;
use std::path::Path;

use crate::Failure;
use source::Source;

/// One breach: where, what, and what to do. Ordered by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl Finding {
    fn new(path: &str, line: usize, text: String) -> Self {
        Self { path: path.to_owned(), line, text }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let sources = source::read_all(root)?;
    for note in size::notes(&sources) {
        println!("note: {note}");
    }
    let findings = findings(&sources);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("check: {} files, nothing found", sources.len());
            Ok(())
        }
        count => {
            println!("check: {} files, {count} found", sources.len());
            Err(Failure::Findings)
        }
    }
}

fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut all = layers::findings(sources);
    all.extend(edges::findings(sources));
    all.extend(size::findings(sources));
    all.extend(names::findings(sources));
    all.extend(markers::findings(sources));
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_breaches_are_told_by_place_and_not_only_the_first() {
        let sources = [
            Source::new("audit-core/src/lib.rs", "mod event;\nmod store;\n"),
            Source::new("audit-core/src/event.rs", "use crate::store::Store;\nuse http::Uri;\n"),
            Source::new("audit-core/src/store/util.rs", "// nothing\n"),
        ];
        let places: Vec<(String, usize)> =
            findings(&sources).into_iter().map(|finding| (finding.path, finding.line)).collect();
        let expected = [
            ("audit-core/src/event.rs", 1),
            ("audit-core/src/event.rs", 2),
            ("audit-core/src/store/util.rs", 1),
        ];
        assert_eq!(places, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn a_finding_begins_with_a_place_that_an_editor_can_open() {
        let finding = Finding::new("audit-core/src/event.rs", 3, "what".to_owned());
        assert_eq!(finding.to_string(), "audit-core/src/event.rs:3: what");
    }
}
