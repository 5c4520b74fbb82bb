//! What crosses from crate to crate: audit-core knows no HTTP, and generated code stands on `__private` only.

use super::paths::{self, Named};
use super::source::Source;
use super::{Finding, manifest};

/// The crates of HTTP as Rust code names them; each also stands for those that begin with it and `_`.
const HTTP: [&str; 4] = ["http", "axum", "tower", "hyper"];

pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        if source.path == "audit-core/Cargo.toml" {
            findings.extend(http_dependencies(source));
        } else if source.path.starts_with("audit-core/src/") && !in_tests(&source.path) {
            findings.extend(in_paths(source, http_path));
        } else if source.path.starts_with("audit-macros/src/") && !in_tests(&source.path) {
            findings.extend(in_paths(source, public_path));
        }
    }
    findings
}

fn in_tests(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

fn in_paths(source: &Source, judge: fn(&Named) -> Option<String>) -> Vec<Finding> {
    let names = paths::shipped(&source.tokens);
    let found = |named: &Named| Some(Finding::new(&source.path, named.line, judge(named)?));
    names.paths.iter().filter_map(found).collect()
}

fn is_http(name: &str) -> bool {
    let family = name.split(['_', '-']).next().unwrap_or(name);
    HTTP.contains(&family)
}

fn no_http(name: &str) -> String {
    format!(
        "audit-core names the crate {name}; HTTP has its home in audit-tower: take a plain value instead"
    )
}

fn http_path(named: &Named) -> Option<String> {
    let first = named.segments.first().filter(|first| is_http(first))?;
    // One word alone may be any variable; a path or an import is the crate.
    let is_crate = named.import.is_some() || named.absolute || named.segments.len() > 1;
    is_crate.then(|| no_http(first))
}

fn http_dependencies(manifest: &Source) -> Vec<Finding> {
    manifest::dependencies(manifest)
        .into_iter()
        .filter(|(_, name)| is_http(name))
        .map(|(line, name)| Finding::new(&manifest.path, line, no_http(&name)))
        .collect()
}

fn public_path(named: &Named) -> Option<String> {
    let (first, rest) = named.segments.split_first()?;
    if first != "audit_core" {
        return None;
    }
    if !named.absolute {
        return Some(
            "write ::audit_core: without the colons a user's own module of that name is found"
                .to_owned(),
        );
    }
    // The root alone names nothing yet.
    let name = rest.first().filter(|name| *name != "__private")?;
    Some(format!(
        "generated code names ::audit_core::{name}; put it into audit_core::__private and name it there"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        findings(&[Source::new(path, text)]).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn audit_core_names_no_crate_of_http() {
        let path = "audit-core/src/context.rs";
        assert_eq!(
            lines(path, "use http::Uri;\nuse ::axum::Router;\nfn f(x: tower_http::X) {}"),
            [1, 2, 3]
        );
        assert_eq!(lines(path, "use {serde::Serialize,\n http_body as body};"), [2]);
    }

    #[test]
    fn a_variable_or_a_module_of_our_own_is_not_the_crate() {
        let path = "audit-core/src/context.rs";
        let text = "let http = request.http; f(http); use crate::source::http; #[cfg(test)] use axum::Router;";
        assert_eq!(lines(path, text), [0; 0]);
        assert_eq!(lines("audit-core/src/context/tests.rs", "use http::Uri;"), [0; 0]);
        assert_eq!(lines("audit-tower/src/layer.rs", "use http::Uri;"), [0; 0]);
    }

    #[test]
    fn audit_core_depends_on_no_crate_of_http_except_for_its_tests() {
        let text = "[dependencies]\nserde = \"1\"\nhttp.workspace = true\n[dev-dependencies]\naxum = \"0.8\"\n";
        assert_eq!(lines("audit-core/Cargo.toml", text), [3]);
    }

    #[test]
    fn generated_code_names_only_what_is_private() {
        let path = "audit-macros/src/audited/expand.rs";
        assert_eq!(
            lines(
                path,
                "quote! { ::audit_core::__private::begin(#x);\n ::audit_core::Event::new() }"
            ),
            [2]
        );
        assert_eq!(lines(path, "quote! {\n audit_core::__private::begin() }"), [2]);
        assert_eq!(lines(path, "parse_quote!(::audit_core) \"::audit_core::Event\""), [0; 0]);
    }
}
