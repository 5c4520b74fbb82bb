//! The parameters of the function, moved into its body.
//!
//! The body stands in a block or closure of its own, which takes with it what it uses, and drops that in the order of
//! use. A function drops its parameters in their order, the last one first, whether they are used or not, and before its
//! caller goes on. So the body begins by taking over each of them.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::visit_mut::{VisitMut, visit_pat_ident_mut};
use syn::{Attribute, Expr, FnArg, Pat, PatIdent, Receiver, ReceiverKind, Signature, Token};

/// The signature as it stands around the body, and what the body begins with. A parameter that the attribute names is
/// not unused, though the body may not use it.
pub(crate) fn moved(signature: &Signature, attribute: &TokenStream) -> (Signature, TokenStream) {
    let mut signature = signature.clone();
    let mut taken = TokenStream::new();
    for (number, input) in signature.inputs.iter_mut().enumerate() {
        match input {
            // Only mentioned, as nothing else can have this name. Of a reference there is nothing to drop.
            FnArg::Receiver(Receiver { kind: ReceiverKind::Reference(..), .. }) => {}
            FnArg::Receiver(receiver) => {
                let this = &receiver.self_token;
                taken.extend(quote_spanned!(Span::mixed_site()=> let _ = &#this;));
            }
            FnArg::Typed(input) => {
                let (conditions, lints): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut input.attrs).into_iter().partition(is_condition);
                let mut names = Names::default();
                if let Pat::Wild(_) = *input.pat {
                    let name = format_ident!("__audit_unused_{number}", span = Span::mixed_site());
                    // In parentheses, within which a macro below that records parameters by name does not look.
                    *input.pat = Pat::Verbatim(quote!((#name)));
                    names.0.push((None, name));
                } else {
                    names.visit_pat_mut(&mut input.pat);
                }
                taken.extend(names.0.iter().map(|(mutability, name)| {
                    let text = name.to_string();
                    // It is not used, only kept, as it was.
                    let silent = text.starts_with('_').then(|| {
                        quote!(#[allow(clippy::used_underscore_binding, clippy::no_effect_underscore_binding)])
                    });
                    let used = names_it(attribute, &text).then(
                        || quote_spanned!(Span::mixed_site()=> #(#conditions)* let _ = &#name;),
                    );
                    quote!(#(#conditions)* #(#lints)* #silent let #mutability #name = #name; #used)
                }));
                input.attrs = conditions;
            }
        }
    }
    (signature, taken)
}

/// Whether the parameter is there at all depends on it; other attributes are about its name.
fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}

/// Whether a name is among the tokens, or in a format string there.
fn names_it(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => names_it(&group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Literal(literal) => literal.to_string().contains(&format!("{{{name}")),
        TokenTree::Punct(_) => false,
    })
}

/// The names that a pattern binds, each once. What is to be mutable is so in the body, and not around it.
#[derive(Default)]
struct Names(Vec<(Option<Token![mut]>, Ident)>);

impl VisitMut for Names {
    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        let mutability = match pat.by_ref {
            Some(_) => None,
            None => pat.mutability.take(),
        };
        if !self.0.iter().any(|(_, name)| *name == pat.ident) {
            self.0.push((mutability, pat.ident.clone()));
        }
        visit_pat_ident_mut(self, pat);
    }

    // What stands in a pattern as an expression binds nothing.
    fn visit_expr_mut(&mut self, _: &mut Expr) {}
}
