//! The dependencies of a `Cargo.toml`, by the few forms that this workspace writes.

use super::source::Source;

/// Those that ship, each with its line: not for tests, not for the build.
pub(crate) fn dependencies(manifest: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut wanted = false;
    for (number, line) in manifest.lines() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or(header);
            wanted = header == "dependencies" || header.ends_with(".dependencies");
            // `[dependencies.name]` is one dependency with a table of its own.
            found
                .extend(header.strip_prefix("dependencies.").map(|name| (number, name.to_owned())));
        } else if wanted && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or(line);
            found.push((number, name.trim_matches('"').to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_dependency_is_read_and_no_other_key() {
        let text = "\
[package]
name = \"x\"
[dependencies]
# a = 1
b = \"1\"
c.workspace = true
\"d\" = { version = \"1\" }

[dependencies.e]
version = \"1\"
[target.'cfg(unix)'.dependencies]
f = \"1\"
[dev-dependencies]
g = \"1\"
[build-dependencies]
h = \"1\"
";
        let found = dependencies(&Source::new("x/Cargo.toml", text));
        let expected = [(5, "b"), (6, "c"), (7, "d"), (9, "e"), (12, "f")];
        assert_eq!(found, expected.map(|(line, name)| (line, name.to_owned())));
    }
}
