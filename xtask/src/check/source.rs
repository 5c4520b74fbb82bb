//! The files that the rules look at: all that git would put into a commit.

use std::path::Path;
use std::process::Command;

use super::lex::{self, Token};
use crate::Failure;

/// Files that people write for a machine. Prose is free to talk about anything.
const ENDINGS: [&str; 8] = [".rs", ".toml", ".sql", ".sh", ".html", ".css", ".js", ".ci/run"];

pub(crate) struct Source {
    /// From the workspace's folder, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Of a Rust file; empty for others.
    pub(crate) tokens: Vec<Token>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let tokens = if path.ends_with(".rs") { lex::tokens(text) } else { Vec::new() };
        Self { path: path.to_owned(), text: text.to_owned(), tokens }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// Tracked files and new ones that are not ignored, so that a rule speaks before the commit.
pub(crate) fn read_all(root: &Path) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in listed(root)? {
        let whole = root.join(&path);
        // Git goes on listing a file that was deleted but not yet committed as such.
        if !ENDINGS.iter().any(|ending| path.ends_with(ending)) || !whole.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&whole)
            .map_err(|error| Failure::Impossible(format!("cannot read {path}: {error}")))?;
        sources.push(Source::new(&path, &text));
    }
    Ok(sources)
}

fn listed(root: &Path) -> Result<Vec<String>, Failure> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| Failure::Impossible(format!("cannot run git: {error}")))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::Impossible(format!("git lists no files: {}", reason.trim())));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| Failure::Impossible("git lists a file whose name is not UTF-8".to_owned()))?;
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_file_is_among_those_that_git_lists() {
        let root = crate::root().unwrap();
        let sources = read_all(&root).unwrap();
        let own = sources.iter().find(|source| source.path == "xtask/src/check/source.rs");
        assert!(own.is_some_and(|source| source.is_rust() && !source.tokens.is_empty()));
        assert!(!sources.iter().any(|source| source.path.starts_with("target/")));
    }

    #[test]
    fn a_folder_that_is_no_repository_is_one_clear_line() {
        let Err(Failure::Impossible(text)) = read_all(Path::new("/")) else {
            panic!("listed");
        };
        assert!(text.starts_with("git lists no files: ") && !text.contains('\n'), "{text}");
    }
}
