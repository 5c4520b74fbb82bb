//! What the shipped part of a crate names: its paths and imports, also those within the tokens of a macro call.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::visit::{self, Visit};
use syn::{Attribute, ExprPath, ItemMod, ItemUse, Meta, Path, PathSegment, UseTree, Visibility};

use super::{Finding, Source};

/// What is wrong with a path of more than one word, or with an import: one for each leaf of its tree, as written.
/// A single word elsewhere is any variable and names nothing.
type Rule = fn(&Walk<'_>, &str) -> Option<String>;

/// Walks a crate as the compiler does, from `lib.rs` along each `mod`, past what is for tests only.
pub(super) struct Walk<'a> {
    folder: &'a str,
    sources: &'a [Source],
    rule: Rule,
    file: &'a str,
    /// The module around, from the root; empty in `lib.rs` itself.
    pub(super) within: Vec<String>,
    /// The modules of the root down to this one, in the order of their declaration.
    pub(super) declared: Vec<String>,
    findings: Vec<Finding>,
}

pub(super) fn findings(folder: &str, sources: &[Source], rule: Rule) -> Vec<Finding> {
    let mut walk = Walk {
        folder,
        sources,
        rule,
        file: "",
        within: Vec::new(),
        declared: Vec::new(),
        findings: Vec::new(),
    };
    walk.enter("lib.rs");
    walk.findings
}

impl Walk<'_> {
    /// A file that is missing is for the compiler to tell, or is the other of the two that a `mod` can mean.
    fn enter(&mut self, file: &str) {
        let is_it = |source: &&Source| source.0.strip_prefix(self.folder) == Some(file);
        let Some((path, text)) = self.sources.iter().find(is_it) else {
            return;
        };
        let outer = std::mem::replace(&mut self.file, path);
        match syn::parse_file(text) {
            Ok(file) if for_tests(&file.attrs) => {}
            Ok(file) => self.visit_file(&file),
            Err(error) => {
                let line = error.span().start().line;
                self.findings.push((path.clone(), line, format!("no Rust: {error}")));
            }
        }
        self.file = outer;
    }

    fn judge(&mut self, place: Span, path: &str) {
        let text = (self.rule)(self, path);
        self.findings.extend(text.map(|text| (self.file.to_owned(), place.start().line, text)));
    }

    fn import(&mut self, tree: &UseTree, prefix: &str) {
        let (name, place) = match tree {
            UseTree::Path(path) => {
                return self.import(&path.tree, &format!("{prefix}{}::", path.ident));
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|it| self.import(it, prefix));
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.span()),
            UseTree::Rename(name) => (name.ident.to_string(), name.ident.span()),
            UseTree::Glob(glob) => ("*".to_owned(), glob.star_token.span),
        };
        self.judge(place, &format!("{prefix}{name}"));
    }
}

/// Under `#[cfg(test)]` or `#[cfg(all(test, ..))]`. `any(test, ..)` is shipped when the other condition holds.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    })
}

macro_rules! unless_for_tests {
    ($($visit:ident($item:ident))*) => {
        $(fn $visit(&mut self, item: &'ast syn::$item) {
            if !for_tests(&item.attrs) {
                visit::$visit(self, item);
            }
        })*
    };
}

impl<'ast> Visit<'ast> for Walk<'_> {
    unless_for_tests! {
        visit_item_const(ItemConst) visit_item_enum(ItemEnum) visit_item_fn(ItemFn) visit_item_impl(ItemImpl)
        visit_item_macro(ItemMacro) visit_item_static(ItemStatic) visit_item_struct(ItemStruct)
        visit_item_trait(ItemTrait) visit_item_type(ItemType) visit_impl_item_fn(ImplItemFn)
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if for_tests(&item.attrs) {
            return;
        }
        self.within.push(item.ident.to_string());
        self.declared.extend(self.within.first().cloned());
        visit::visit_item_mod(self, item);
        for end in [".rs", "/mod.rs"] {
            self.enter(&format!("{}{end}", self.within.join("/")));
        }
        self.within.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !for_tests(&item.attrs) {
            self.import(&item.tree, item.leading_colon.map_or("", |_| "::"));
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let word = |segment: &PathSegment| segment.ident.to_string();
        let words: Vec<String> = path.segments.iter().map(word).collect();
        let colons = path.leading_colon.map_or("", |_| "::");
        if let Some(first) = path.segments.first().filter(|_| words.len() > 1) {
            self.judge(first.ident.span(), &format!("{colons}{}", words.join("::")));
        }
        visit::visit_path(self, path);
    }

    /// Nobody knows what a macro makes of its tokens: what can be read as an import or as a path is one.
    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if input.fork().parse::<ItemUse>().is_ok() {
                    self.visit_item_use(&input.parse()?);
                } else if input.fork().parse::<ExprPath>().is_ok() {
                    self.visit_expr_path(&input.parse()?);
                } else if let TokenTree::Group(group) = input.parse()? {
                    self.visit_token_stream(&group.stream());
                }
            }
            Ok(())
        };
        // Any token is taken, so there is no error to answer with.
        let _ = read.parse2(tokens.clone());
    }

    /// `pub(in super::super)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}
