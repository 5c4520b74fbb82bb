//! The rules of the source that no compiler knows. Every breach is told, not only the first.

mod names;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::Command;

use self::names::Walk;
use crate::{Done, impossible};

/// A file is one idea, and one idea is short: a note above the first, a finding above the second.
const LONG: usize = 400;
const TOO_LONG: usize = 600;

/// A name says what is inside. These say that nobody knew.
const EMPTY: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];

/// Work that is not done belongs into an issue. In halves, so that this file is no finding.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// The crates of HTTP; each also stands for those that begin with it and `_`.
const HTTP: [&str; 4] = ["http", "axum", "tower", "hyper"];

/// Files that people write for a machine. Prose is free to talk about anything.
const READ: [&str; 6] = ["*.rs", "*.toml", "*.sql", "*.html", "*.js", ".ci/*"];

/// Path from the workspace's folder, with `/`; text.
type Source = (String, String);

/// One breach: path, line, what to do. Ordered by place.
type Finding = (String, usize, String);

pub(crate) fn run(root: &Path) -> Done {
    let sources = read(root)?;
    let (notes, findings) = judge(&sources);
    for (path, line, text) in notes {
        println!("note: {path}:{line}: {text}");
    }
    for (path, line, text) in &findings {
        println!("{path}:{line}: {text}");
    }
    println!("check: {} files, {} found", sources.len(), findings.len());
    if findings.is_empty() { Ok(()) } else { Err(1) }
}

/// Tracked files and new ones that are not ignored, so that a rule speaks before the commit.
fn read(root: &Path) -> Result<Vec<Source>, u8> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others"])
        .args(["--exclude-standard", "--"])
        .args(READ)
        .current_dir(root)
        .output()
        .map_err(|error| impossible(&format!("cannot run git: {error}")))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(impossible(&format!("git lists no files: {reason}")));
    }
    let mut sources = Vec::new();
    for path in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
        let whole = root.join(path);
        // Git goes on listing a file that was deleted but not yet committed as such.
        if whole.is_file() {
            let text = std::fs::read_to_string(&whole)
                .map_err(|error| impossible(&format!("cannot read {path}: {error}")))?;
            sources.push((path.to_owned(), text));
        }
    }
    Ok(sources)
}

/// Notes, and findings.
fn judge(sources: &[Source]) -> (Vec<Finding>, Vec<Finding>) {
    let mut notes = Vec::new();
    let mut findings = Vec::new();
    for (path, text) in sources {
        let mut find = |line, text| findings.push((path.clone(), line, text));
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            if let Some(marker) = words.find(|word| MARKERS.contains(word)) {
                find(number, format!("{marker}: do it now, or open an issue"));
            }
        }
        let Some(stem) = path.strip_suffix(".rs") else {
            continue;
        };
        if let Some(name) = stem.split('/').find(|part| EMPTY.contains(part)) {
            find(1, format!("`{name}` says nothing; name it after its idea"));
        }
        let count = text.lines().count();
        if count > TOO_LONG {
            find(count, format!("over {TOO_LONG} lines; split it by idea"));
        } else if count > LONG {
            let text = format!("over {LONG} lines; is it more than one idea?");
            notes.push((path.clone(), count, text));
        }
    }
    findings.extend(names::findings("audit-core/src/", sources, in_core));
    findings.extend(names::findings("audit-macros/src/", sources, in_macros));
    // An import of two names from one module is one breach.
    findings.sort();
    findings.dedup();
    (notes, findings)
}

/// No HTTP; and calls go down only. `lib.rs` is the graph, and stands itself on top of all modules.
fn in_core(walk: &Walk<'_>, path: &str) -> Option<String> {
    let mut words: Vec<&str> = path.trim_start_matches("::").split("::").collect();
    let ups = words.iter().take_while(|word| **word == "super").count();
    if ups > 0 {
        let kept = walk.within.len().saturating_sub(ups);
        let outer = walk.within.iter().take(kept).map(String::as_str);
        words.splice(..ups, ["crate"].into_iter().chain(outer));
    }
    let first = words.first()?;
    if HTTP.contains(&first.split('_').next()?) {
        let text = format!("audit-core names {first}; HTTP is in audit-tower only");
        return Some(text);
    }
    let own = walk.within.first()?;
    let name = words.get(1).unwrap_or(&"self");
    let above = walk.declared.iter().any(|module| module == name);
    // Nor a name that lib.rs re-exports: it hides which module it comes from.
    (["crate", "audit_core"].contains(first) && !above)
        .then(|| format!("{own} names {name}, which is no module that lib.rs declares above it"))
}

/// Without the leading colons, generated code finds a module of the user's that has our name.
fn in_macros(_: &Walk<'_>, path: &str) -> Option<String> {
    let ours = path.trim_start_matches("::").starts_with("audit_core::");
    (ours && !path.starts_with("::audit_core::__private"))
        .then(|| format!("generated code names {path}; it may name only ::audit_core::__private"))
}
