//! A file is one idea, and one idea is short.

use super::Finding;
use super::source::Source;

/// Above this a note is printed.
const LONG: usize = 400;
/// Above this the check fails.
const TOO_LONG: usize = 600;

pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    longer_than(TOO_LONG, sources)
        .map(|(source, count)| {
            let text = format!("{count} lines, {TOO_LONG} is the limit; split it by idea");
            Finding::new(&source.path, TOO_LONG + 1, text)
        })
        .collect()
}

pub(crate) fn notes(sources: &[Source]) -> Vec<Finding> {
    longer_than(LONG, sources)
        .filter(|(_, count)| *count <= TOO_LONG)
        .map(|(source, count)| {
            let text =
                format!("{count} lines, {LONG} is the aim; does it hold more than one idea?");
            Finding::new(&source.path, LONG + 1, text)
        })
        .collect()
}

fn longer_than(limit: usize, sources: &[Source]) -> impl Iterator<Item = (&Source, usize)> {
    sources
        .iter()
        .filter(|source| source.is_rust())
        .map(|source| (source, source.lines().count()))
        .filter(move |(_, count)| *count > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lines(count: usize) -> [Source; 1] {
        [Source::new("a/src/b.rs", &"// line\n".repeat(count))]
    }

    #[test]
    fn a_file_over_the_aim_is_noted_and_one_over_the_limit_is_a_finding() {
        for (count, noted, found) in [(400, 0, 0), (401, 1, 0), (600, 1, 0), (601, 0, 1)] {
            let sources = of_lines(count);
            assert_eq!(notes(&sources).len(), noted, "{count} lines");
            assert_eq!(findings(&sources).len(), found, "{count} lines");
        }
    }

    #[test]
    fn only_rust_is_measured() {
        let sources = [Source::new("migrations/1.sql", &"-- line\n".repeat(1_000))];
        assert!(findings(&sources).is_empty() && notes(&sources).is_empty());
    }
}
