//! Work that is not done belongs into an issue: a remark in the source is read by nobody who could do it.

use super::Finding;
use super::source::Source;

// In halves, so that this file is not a finding.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (number, line) in source.lines() {
            let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            if let Some(marker) = words.find(|word| MARKERS.contains(word)) {
                let text = format!("{marker}: do it now, or open an issue and take this out");
                findings.push(Finding::new(&source.path, number, text));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_in_any_file_and_wherever_it_stands() {
        for marker in MARKERS {
            for line in [
                format!("// {marker}: later"),
                format!("-- {marker}"),
                format!("let a = \"{marker}\";"),
            ] {
                let source = Source::new("a/migrations/1.sql", &format!("first\n{line}\n"));
                let found: Vec<usize> =
                    findings(&[source]).into_iter().map(|finding| finding.line).collect();
                assert_eq!(found, [2], "{line}");
            }
        }
    }

    #[test]
    fn part_of_a_longer_word_is_no_marker() {
        for marker in MARKERS {
            let source = Source::new("a.rs", &format!("mktemp {marker}{marker} {marker}_LIST"));
            assert!(findings(&[source]).is_empty(), "{marker}");
        }
    }
}
