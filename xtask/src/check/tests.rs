//! Each rule on a small workspace, its breaches and what only looks like one.

use super::*;

const STORE: &str = "audit-core/src/store/mod.rs";
const SQLITE: &str = "audit-core/src/store/sqlite.rs";
const MACROS: &str = "audit-macros/src/lib.rs";

/// What is found in this file of a small workspace, as `line: text`.
fn said(path: &str, text: &str) -> Vec<String> {
    let lib = "mod event;\npub mod store;\nmod recorder;\npub use event::Event;\n";
    let store = "mod sqlite;\n#[cfg(test)] mod conformance;\n";
    let files = [("audit-core/src/lib.rs", lib), (STORE, store)];
    let mut sources: Vec<Source> = vec![(path.to_owned(), text.to_owned())];
    sources.extend(files.map(|(path, text)| (path.to_owned(), text.to_owned())));
    let shown = |(_, line, text): Finding| format!("{line}: {text}");
    judge(&sources).1.into_iter().map(shown).collect()
}

/// Each text is one line that says this, or nothing where nothing is expected.
#[track_caller]
fn says(expected: &str, path: &str, texts: &[&str]) {
    for text in texts {
        let fits = match said(path, text).as_slice() {
            [] => expected.is_empty(),
            [one] => !expected.is_empty() && one.starts_with(expected),
            _ => false,
        };
        assert!(fits, "{text}: {:?}", said(path, text));
    }
}

#[test]
fn a_module_names_itself_and_what_is_above_it_and_nothing_below() {
    let wrong = [
        "\nuse crate::recorder::Receipt;",
        "use crate::{event::Event,\n recorder::{self, Receipt}};",
        "\nfn f(x: Vec<crate::recorder::Receipt>) {}",
        "\nuse super::recorder::Receipt;",
        "mod inner {\n use super::super::recorder; }",
        "#[cfg(any(test, unix))]\nuse ::audit_core::recorder::Receipt;",
        "fn f() { assert_eq!(1,\n crate::recorder::f::<u8>(2)) }",
    ];
    says("2: store names recorder", STORE, &wrong);
    // Names that do not tell which module they come from.
    for hidden in ["crate::Event", "super::*", "crate as root", "super as root"] {
        says("1: store names ", STORE, &[&format!("use {hidden};")]);
    }
    let right = [
        "use crate::{event::Event, store::Row}; use self::recorder; use super::event;",
        "pub(in super::super) fn f() {} // crate::recorder::f",
        "mod inner { use super::recorder; }",
    ];
    says("", STORE, &right);
    let climbing = ["use super::super::recorder::A;"];
    says("1: store names recorder", SQLITE, &climbing);
    let staying = ["use super::recorder::Row; use super::super::event::Event;"];
    says("", SQLITE, &staying);
}

#[test]
fn tests_may_name_anything() {
    let tests = [
        "#[cfg(test)] mod tests { use super::super::*; }",
        "#[cfg(all(test, unix))] use crate::recorder::Receipt;",
        "#[cfg(test)] fn f() { axum::serve() }",
        "#![cfg(test)] use crate::recorder::Receipt;",
    ];
    says("", SQLITE, &tests);
    let conformance = SQLITE.replace("sqlite", "conformance");
    says("", &conformance, &["use crate::recorder::Receipt;"]);
}

#[test]
fn audit_core_names_no_crate_of_http() {
    let wrong = [
        "use http::Uri;",
        "use {std::fmt, http_body as body};",
        "fn f(x: ::tower::X) {}",
        "fn f() { vec![axum::f()] }",
    ];
    says("1: audit-core names ", SQLITE, &wrong);
    says("", "audit-tower/src/lib.rs", &wrong);
    let right = ["use crate::event::http; fn f(http: u8) { g(http) }"];
    says("", SQLITE, &right);
}

#[test]
fn generated_code_names_only_what_is_private() {
    let wrong = [
        "fn f() { quote!(#a;\n #(let x = ::audit_core::Event::new();)*) }",
        "fn f() { quote!(#a;\n audit_core::__private::f()) }",
        "fn f() { quote!(#a;\n use ::audit_core::{__private::f, Event};) }",
    ];
    says("2: generated code names ", MACROS, &wrong);
    let right = [
        "fn f() { quote!(::audit_core::__private::f::<u8>(#x)) }",
        "const A: &str = \"::audit_core::Event\";",
    ];
    says("", MACROS, &right);
}

#[test]
fn a_file_over_the_aim_is_noted_and_one_over_the_limit_is_a_finding() {
    for (count, noted, found) in [(400, 0, 0), (401, 1, 0), (600, 1, 0), (601, 0, 1)] {
        let (notes, findings) = judge(&[("a.rs".to_owned(), "//\n".repeat(count))]);
        assert_eq!((notes.len(), findings.len()), (noted, found), "{count}");
    }
}

#[test]
fn a_file_or_a_folder_needs_a_name_that_says_something() {
    says("1: `utils` says nothing", "a/src/utils.rs", &[""]);
    says("1: `common` says nothing", "a/tests/common/mod.rs", &[""]);
    says("", "a/src/common_name.rs", &[""]);
}

#[test]
fn a_marker_is_found_in_any_file_and_wherever_it_stands() {
    for marker in MARKERS {
        says("2: ", "a/1.sql", &[&format!("first\n-- ({marker}: x)")]);
        says("", "a.rs", &[&format!("// {marker}{marker} {marker}_LIST")]);
    }
}

#[test]
fn a_file_that_is_no_rust_is_told_and_not_passed_over() {
    says("2: no Rust: ", STORE, &["\nfn {"]);
}

#[test]
fn what_git_lists_is_read_and_a_folder_that_is_no_repository_is_refused() {
    let sources = read(&crate::root().unwrap()).unwrap();
    let own = |source: &Source| source.0 == "xtask/src/check/tests.rs";
    assert!(sources.iter().any(own));
    assert_eq!(read(Path::new("/")), Err(2));
}
