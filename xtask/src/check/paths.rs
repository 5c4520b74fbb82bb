//! The paths that a file names, and the modules that it declares, without its tests.

use super::cfg_test::without_tests;
use super::lex::{Kind, Token};

/// A path as it stands in the source; in a `use` tree, one for each leaf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    /// `*` is a segment of its own, at the end of an import of everything.
    pub(crate) segments: Vec<String>,
    /// Begins with `::`.
    pub(crate) absolute: bool,
    /// The name that an import makes; `None` for other paths.
    pub(crate) import: Option<String>,
    /// Called as a macro: `path!`.
    pub(crate) is_macro: bool,
    /// The modules of the same file around it, outermost first.
    pub(crate) within: Vec<String>,
}

/// A `mod` with or without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) within: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) paths: Vec<Named>,
    pub(crate) modules: Vec<Module>,
}

/// What the part of a file that is shipped names; what stands under `#[cfg(test)]` may name anything.
pub(crate) fn shipped(tokens: &[Token]) -> Names {
    collect(&without_tests(tokens))
}

pub(crate) fn collect(tokens: &[Token]) -> Names {
    let mut walk = Walk {
        cursor: Cursor { tokens, at: 0 },
        depth: 0,
        within: Vec::new(),
        names: Names::default(),
    };
    while walk.step() {}
    walk.names
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    /// Of braces.
    depth: usize,
    /// The modules that are open here, each with the depth of its body.
    within: Vec<(String, usize)>,
    names: Names,
}

impl Walk<'_> {
    /// Takes the next token, and the whole path or `use` tree if one begins there.
    fn step(&mut self) -> bool {
        let Some(token) = self.cursor.peek(0) else {
            return false;
        };
        let line = token.line;
        match &token.kind {
            Kind::Mark('{') => self.depth += 1,
            Kind::Mark('}') => {
                self.depth = self.depth.saturating_sub(1);
                self.within.retain(|(_, depth)| *depth <= self.depth);
            }
            Kind::Word(word) if word == "mod" => self.module(line),
            // `use<'a>` in a type is not an import.
            Kind::Word(word) if word == "use" && !self.cursor.is_mark(1, '<') => {
                self.cursor.at += 1;
                self.use_tree(&Named::default());
            }
            Kind::Word(_) => return self.path(),
            // In `Vec::<u8>::new` the second separator goes on with a path that began before.
            Kind::Separator if !self.cursor.after_generics() => return self.path(),
            _ => {}
        }
        self.cursor.at += 1;
        true
    }

    fn around(&self) -> Vec<String> {
        self.within.iter().map(|(name, _)| name.clone()).collect()
    }

    /// At `mod`: what follows is left to the next steps.
    fn module(&mut self, line: usize) {
        let Some(name) = self.cursor.word(1).map(str::to_owned) else {
            return;
        };
        self.names.modules.push(Module { line, name: name.clone(), within: self.around() });
        if self.cursor.is_mark(2, '{') {
            self.within.push((name, self.depth + 1));
        }
        self.cursor.at += 1;
    }

    fn path(&mut self) -> bool {
        let mut named = Named {
            within: self.around(),
            absolute: self.cursor.take_separator(),
            ..Named::default()
        };
        while let Some(Token { kind: Kind::Word(word), line }) = self.cursor.peek(0) {
            named.segments.push(word.clone());
            named.line = *line;
            self.cursor.at += 1;
            if self.cursor.word(1).is_none() || !self.cursor.take_separator() {
                break;
            }
        }
        // `a != b` is no call.
        named.is_macro = self.cursor.is_mark(0, '!') && !self.cursor.is_mark(1, '=');
        if !named.segments.is_empty() {
            self.names.paths.push(named);
        }
        true
    }

    /// Behind `use`, a comma or an opening brace; ends before what closes the tree.
    fn use_tree(&mut self, prefix: &Named) {
        let mut named = prefix.clone();
        named.within = self.around();
        if self.cursor.take_separator() && named.segments.is_empty() {
            named.absolute = true;
        }
        while let Some(token) = self.cursor.peek(0) {
            named.line = token.line;
            match &token.kind {
                Kind::Word(word) if word == "self" && !prefix.segments.is_empty() => {}
                Kind::Word(word) => named.segments.push(word.clone()),
                Kind::Mark('*') => named.segments.push("*".to_owned()),
                Kind::Mark('{') => return self.use_group(&named),
                _ => return,
            }
            self.cursor.at += 1;
            if !self.cursor.take_separator() {
                break;
            }
        }
        named.import = match self.cursor.peek(0) {
            Some(token) if token.kind.is_word("as") => {
                let name = self.cursor.word(1).map(str::to_owned);
                self.cursor.at += 2;
                name
            }
            _ => named.segments.last().cloned(),
        };
        self.names.paths.push(named);
    }

    /// At an opening brace; ends behind the closing one.
    fn use_group(&mut self, prefix: &Named) {
        loop {
            self.cursor.at += 1;
            if !self.cursor.is_mark(0, '}') {
                self.use_tree(prefix);
            }
            if !self.cursor.is_mark(0, ',') {
                break;
            }
        }
        self.cursor.at += 1;
    }
}

struct Cursor<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead)
    }

    /// Behind `>`, but not behind the arrow of a function or of a match.
    fn after_generics(&self) -> bool {
        let behind = |distance: usize, marks: &[char]| {
            let token = self.at.checked_sub(distance).and_then(|at| self.tokens.get(at));
            token.is_some_and(|token| marks.iter().any(|mark| token.kind.is_mark(*mark)))
        };
        behind(1, &['>']) && !behind(2, &['-', '='])
    }

    fn word(&self, ahead: usize) -> Option<&'a str> {
        match &self.peek(ahead)?.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    fn is_mark(&self, ahead: usize, mark: char) -> bool {
        self.peek(ahead).is_some_and(|token| token.kind.is_mark(mark))
    }

    fn take_separator(&mut self) -> bool {
        let found = self.peek(0).is_some_and(|token| token.kind == Kind::Separator);
        if found {
            self.at += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tokens;
    use super::*;

    /// The paths as they would be written in full, with their lines.
    fn paths(text: &str) -> Vec<String> {
        let shown = |named: Named| {
            let start = if named.absolute { "::" } else { "" };
            format!("{} {start}{}", named.line, named.segments.join("::"))
        };
        collect(&tokens(text)).paths.into_iter().map(shown).collect()
    }

    #[test]
    fn a_use_tree_is_one_path_for_each_leaf_on_its_own_line() {
        let text = "use crate::{\n    a::B,\n    c::{self, D as E},\n    f::*,\n};";
        assert_eq!(paths(text), ["2 crate::a::B", "3 crate::c", "3 crate::c::D", "4 crate::f::*"]);
    }

    #[test]
    fn an_import_makes_the_name_behind_as() {
        let imports: Vec<Option<String>> = collect(&tokens("use a::{b::C, d::E as F, g::{self}};"))
            .paths
            .into_iter()
            .map(|named| named.import)
            .collect();
        assert_eq!(imports, ["C", "F", "g"].map(|name| Some(name.to_owned())));
    }

    #[test]
    fn paths_in_expressions_types_and_macros_are_seen() {
        assert_eq!(paths("let x: crate::a::B = c;"), ["1 let", "1 x", "1 crate::a::B", "1 c"]);
        assert_eq!(paths("::http::Uri::from"), ["1 ::http::Uri::from"]);
        assert_eq!(paths("-> ::http::Uri"), ["1 ::http::Uri"]);
        assert_eq!(paths("=> ::http::Uri"), ["1 ::http::Uri"]);
        assert_eq!(paths("$crate::a::b!()"), ["1 crate::a::b"]);
        assert_eq!(paths("Vec::<crate::a::B>::new()"), ["1 Vec", "1 crate::a::B", "1 new"]);
        assert_eq!(paths("impl Sized + use<'a>"), ["1 impl", "1 Sized", "1 use"]);
    }

    #[test]
    fn a_macro_call_is_told_from_an_inequality() {
        let macros: Vec<bool> = collect(&tokens("a::b!() c::d != 1"))
            .paths
            .into_iter()
            .map(|named| named.is_macro)
            .collect();
        assert_eq!(macros, [true, false]);
    }

    #[test]
    fn a_path_knows_the_modules_of_its_file_around_it() {
        let names = collect(&tokens("mod a { mod b; fn f() { g } mod c { h } } i"));
        let within = |word: &str| {
            let found = names.paths.iter().find(|named| named.segments == [word]).unwrap();
            found.within.join("/")
        };
        assert_eq!([within("g"), within("h"), within("i")], ["a", "a/c", ""]);
        let modules: Vec<&str> = names.modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(modules, ["a", "b", "c"]);
    }
}
