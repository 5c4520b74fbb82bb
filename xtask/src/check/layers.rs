//! Calls go down only: a module of audit-core names modules that `lib.rs` declares above it, and no others.
//!
//! `lib.rs` is the graph. It is not itself held to it: it stands on top of all modules, declares them and
//! re-exports from them. What a module takes through such a re-export counts as taken from where it comes from.

use std::collections::BTreeMap;

use super::paths::{self, Module, Named};
use super::source::Source;
use super::{Finding, lex};

const FOLDER: &str = "audit-core/src/";
const LIB: &str = "audit-core/src/lib.rs";

/// They stand on everything, so nothing may stand on them.
const LAST: [&str; 2] = ["testing", "__private"];

pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    let Some(lib) = sources.iter().find(|source| source.path == LIB) else {
        let text = "is missing; it declares the modules in the order of their dependencies";
        return vec![Finding::new(LIB, 1, text.to_owned())];
    };
    let graph = Graph::read(&lib.tokens);
    let mut findings = graph.misplaced();
    for source in sources {
        if let Some(module) = module_of(&source.path) {
            findings.extend(graph.findings_in(source, &module));
        }
    }
    // An import of two names from one module is one breach.
    findings.dedup();
    findings
}

/// The module that a file of audit-core is, from the root; `None` for `lib.rs`, for tests, and for files
/// elsewhere.
fn module_of(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix(FOLDER)?.strip_suffix(".rs")?;
    let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    let shipped = module != ["lib"] && !module.iter().any(|name| name == "tests");
    shipped.then_some(module)
}

/// What `lib.rs` says.
struct Graph {
    /// In order of declaration, lowest first.
    modules: Vec<Module>,
    /// Names at the root that are re-exports, each with the module that it comes from; `None` is another crate.
    reexports: BTreeMap<String, Option<String>>,
}

impl Graph {
    fn read(tokens: &[lex::Token]) -> Self {
        let names = paths::shipped(tokens);
        let modules: Vec<Module> =
            names.modules.into_iter().filter(|module| module.within.is_empty()).collect();
        let mut graph = Self { modules, reexports: BTreeMap::new() };
        for named in names.paths.iter().filter(|named| named.within.is_empty()) {
            let from = absolute(&[], named).unwrap_or_else(|| named.segments.clone());
            if let (Some(name), Some(first)) = (&named.import, from.first()) {
                let owner = graph.place(first).map(|_| first.clone());
                graph.reexports.insert(name.clone(), owner);
            }
        }
        graph
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.modules.iter().position(|module| module.name == name)
    }

    /// Modules that are declared below one that must come last.
    fn misplaced(&self) -> Vec<Finding> {
        let is_last = |module: &&Module| LAST.contains(&module.name.as_str());
        let Some(first_of_last) = self.modules.iter().find(is_last) else {
            return Vec::new();
        };
        let below = self.modules.iter().skip_while(|module| *module != first_of_last);
        below
            .filter(|module| !is_last(module))
            .map(|module| {
                let text =
                    format!("{} is declared below {}; move it up", module.name, first_of_last.name);
                Finding::new(LIB, module.line, text)
            })
            .collect()
    }

    fn findings_in(&self, source: &Source, module: &[String]) -> Vec<Finding> {
        let Some(own) = module.first() else {
            return Vec::new();
        };
        let Some(own_place) = self.place(own) else {
            let text = format!(
                "{own} is not declared in lib.rs; declare it there, above all that use it, or delete it"
            );
            return vec![Finding::new(&source.path, 1, text)];
        };
        let judge = |named: &Named| {
            let inner: Vec<String> = module.iter().chain(&named.within).cloned().collect();
            let target = absolute(&inner, named)?;
            let text = match self.target(&target, named)? {
                Target::Module(name) if self.place(&name)? <= own_place => return None,
                Target::Module(name) => format!(
                    "{own} names {name}, which lib.rs declares below it; move what both need up, or have {name} \
                     hand it in"
                ),
                Target::Unknown(name) => format!(
                    "crate::{name} is neither a module of lib.rs nor re-exported there by name; name it through \
                     its module"
                ),
            };
            Some(Finding::new(&source.path, named.line, text))
        };
        paths::shipped(&source.tokens).paths.iter().filter_map(judge).collect()
    }

    /// `None` is not ours to judge: another crate, or a macro, which has its place at the root of the crate.
    fn target(&self, target: &[String], named: &Named) -> Option<Target> {
        let Some(first) = target.first() else {
            // `crate` alone is a visibility, unless the root itself is imported.
            return named.import.as_ref().map(|_| Target::Unknown("self".to_owned()));
        };
        if self.place(first).is_some() {
            return Some(Target::Module(first.clone()));
        }
        match self.reexports.get(first) {
            Some(owner) => owner.clone().map(Target::Module),
            None if named.is_macro => None,
            None => Some(Target::Unknown(first.clone())),
        }
    }
}

enum Target {
    Module(String),
    Unknown(String),
}

/// The path from the root of audit-core, as seen from a module; `None` if it is not said from the root or by
/// climbing. A path that begins with the name of a child or of an import is covered where that is declared.
fn absolute(module: &[String], named: &Named) -> Option<Vec<String>> {
    let (first, rest) = named.segments.split_first()?;
    let (mut base, mut rest) = match first.as_str() {
        "crate" | "audit_core" => (Vec::new(), rest),
        "self" if !named.absolute => (module.to_vec(), rest),
        "super" if !named.absolute => (module.to_vec(), named.segments.as_slice()),
        _ => return None,
    };
    while let Some((_, further)) = rest.split_first().filter(|(segment, _)| *segment == "super") {
        base.pop();
        rest = further;
    }
    base.extend_from_slice(rest);
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = "\
        //! Docs.\n\
        mod clock;\n\
        pub mod event;\n\
        #[cfg(feature = \"sqlite\")]\n\
        pub mod store;\n\
        mod recorder;\n\
        pub mod testing;\n\
        #[doc(hidden)]\n\
        pub mod __private { pub use crate::recorder::Pending; }\n\
        pub use clock::Clock;\n\
        pub use recorder::{Recorder as Writer, Receipt};\n\
        pub use serde_json::Value;\n\
        #[cfg(test)] mod fixtures;\n";

    /// What the rule says of one file beside `GRAPH`, as `line: text`.
    fn said(path: &str, text: &str) -> Vec<String> {
        let sources = [Source::new(LIB, GRAPH), Source::new(path, text)];
        findings(&sources)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.line, finding.text))
            .collect()
    }

    fn says_that(path: &str, text: &str, expected: &str) {
        let said = said(path, text);
        assert!(said.len() == 1 && said[0].contains(expected), "{text}: {said:?}");
    }

    fn says_nothing(path: &str, text: &str) {
        assert_eq!(said(path, text), [""; 0], "{text}");
    }

    const EVENT: &str = "audit-core/src/event/mod.rs";
    const DEEP: &str = "audit-core/src/store/sqlite/append.rs";

    #[test]
    fn a_module_may_name_itself_and_what_is_above_it() {
        says_nothing(
            EVENT,
            "use crate::clock::Clock; use crate::event::Id; use crate::Clock; use super::clock;",
        );
        says_nothing(
            DEEP,
            "use crate::{clock, event::{Event, Id}}; fn f(x: crate::store::Batch) {}",
        );
    }

    #[test]
    fn a_module_may_not_name_what_is_below_it() {
        for text in [
            "\nuse crate::recorder::Receipt;",
            "use crate::{\n  clock, recorder};",
            "use crate::{clock,\n recorder::{self, Receipt}};",
            "fn f(\n x: crate::recorder::Receipt) {}",
            "use\n::audit_core::recorder::Receipt;",
            "macro_rules! m { () => {\n $crate::recorder::f() } }",
        ] {
            says_that(EVENT, text, "event names recorder, which lib.rs declares below it");
            assert!(said(EVENT, text)[0].starts_with("2: "), "{text}");
        }
    }

    #[test]
    fn climbing_to_the_root_is_naming_from_the_root() {
        says_that(EVENT, "use super::recorder::Receipt;", "event names recorder");
        says_that(DEEP, "use super::super::super::recorder::Receipt;", "store names recorder");
        says_that(
            EVENT,
            "mod inner { use super::super::recorder::Receipt; }",
            "event names recorder",
        );
        says_that(EVENT, "use self::super::recorder::Receipt;", "event names recorder");
        says_nothing(
            DEEP,
            "use super::recorder::Row; use super::super::recorder; use self::recorder;",
        );
        says_nothing(EVENT, "mod inner { use super::recorder::Receipt; }");
    }

    #[test]
    fn a_re_export_counts_as_what_it_re_exports() {
        says_that(EVENT, "use crate::Receipt;", "event names recorder");
        says_that(EVENT, "use crate::Writer;", "event names recorder");
        says_nothing(EVENT, "use crate::Value;");
        says_nothing("audit-core/src/testing.rs", "use crate::{Receipt, Writer};");
    }

    #[test]
    fn a_name_that_hides_where_it_comes_from_is_refused() {
        says_that(EVENT, "use crate::*;", "name it through its module");
        says_that(EVENT, "use super::*;", "name it through its module");
        says_that(EVENT, "use crate::Elsewhere;", "crate::Elsewhere is neither");
        says_that(EVENT, "use crate as root;", "name it through its module");
        says_nothing(EVENT, "pub(crate) fn f() { crate::a_macro!() }");
    }

    #[test]
    fn tests_may_name_anything() {
        says_nothing(
            EVENT,
            "#[cfg(test)] mod tests { use super::*; use crate::recorder::Receipt; }",
        );
        says_nothing("audit-core/src/event/tests.rs", "use crate::recorder::Receipt;");
        says_nothing("audit-core/src/event/tests/late.rs", "use crate::recorder::Receipt;");
        says_nothing("audit-core/tests/whole.rs", "use audit_core::recorder::Receipt;");
    }

    #[test]
    fn comments_and_strings_name_nothing() {
        says_nothing(
            EVENT,
            "/// [`crate::recorder`]\n// crate::recorder::X\nconst A: &str = \"crate::recorder::X\";",
        );
    }

    #[test]
    fn the_modules_that_stand_on_everything_come_last() {
        let sources = [Source::new(
            LIB,
            "mod event;\nmod testing;\nmod __private;\nmod store;\nmod query;\n",
        )];
        let lines: Vec<usize> =
            findings(&sources).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [4, 5]);
        says_that(
            "audit-core/src/recorder.rs",
            "use crate::testing::clock;",
            "recorder names testing",
        );
        says_nothing("audit-core/src/testing.rs", "use crate::recorder::Receipt;");
    }

    #[test]
    fn a_file_that_no_one_declares_and_a_missing_lib_are_told() {
        says_that("audit-core/src/orphan.rs", "", "orphan is not declared in lib.rs");
        assert_eq!(findings(&[]).len(), 1);
    }
}
