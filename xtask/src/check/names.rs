//! A name says what is inside. Some names say only that nobody knew.

use super::source::Source;
use super::{Finding, paths};

const EMPTY: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];

pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let stem = source.path.trim_end_matches(".rs");
        if let Some(name) = stem.split('/').find(|part| EMPTY.contains(part)) {
            findings.push(Finding::new(&source.path, 1, advice(name)));
        }
        for module in paths::collect(&source.tokens).modules {
            if EMPTY.contains(&module.name.as_str()) {
                findings.push(Finding::new(&source.path, module.line, advice(&module.name)));
            }
        }
    }
    findings
}

fn advice(name: &str) -> String {
    format!(
        "`{name}` says nothing; name it after its idea, or move each part to the idea that it serves"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        findings(&[Source::new(path, text)]).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_a_folder_and_a_module_need_a_name_that_says_something() {
        assert_eq!(lines("a/src/utils.rs", ""), [1]);
        assert_eq!(lines("a/tests/common/mod.rs", ""), [1]);
        assert_eq!(lines("a/src/lib.rs", "\n#[cfg(test)]\nmod helpers { }\nmod misc;"), [3, 4]);
    }

    #[test]
    fn part_of_a_longer_name_is_no_breach() {
        assert_eq!(
            lines("a/src/common_name.rs", "mod utilisation; let util = 1; // helpers"),
            [0; 0]
        );
    }
}
