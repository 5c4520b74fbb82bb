//! How the arguments of an attribute are written: `word`, or `word = value`, with commas between them.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Token};

use crate::diagnostics::Errors;

/// One argument, known or not.
pub(crate) struct Argument {
    pub(crate) word: Ident,
    pub(crate) value: Value,
}

/// What follows the word of an argument.
pub(crate) enum Value {
    /// `= expr`.
    Is(Expr),
    /// Nothing.
    Missing,
    /// What is no value. Without an error of its own, the place to tell it is the argument's word.
    Bad(Option<syn::Error>),
}

/// Reads all arguments. `known` says which there are, to whoever wrote something else.
pub(crate) fn read(tokens: TokenStream, known: &str, errors: &mut Errors) -> Vec<Argument> {
    let mut arguments = Vec::new();
    let all = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Ok(word) = input.call(Ident::parse_any) {
                arguments.push(Argument { word, value: read_value(input) });
            } else {
                errors.push(input.error(format!("expected the name of an argument: {known}")));
                skip_to_comma(input);
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                errors.push(input.error("expected `,` before this argument"));
            }
        }
        Ok(())
    };
    if let Err(error) = all.parse2(tokens) {
        errors.push(error);
    }
    arguments
}

/// The value of a string argument, if it is a literal that passes the check.
pub(crate) fn string(
    value: Expr,
    example: &str,
    check: fn(&str) -> Result<(), String>,
    errors: &mut Errors,
) -> Option<LitStr> {
    match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match check(&text.value()) {
            Ok(()) => Some(text),
            Err(message) => {
                errors.at(text, message);
                None
            }
        },
        other => {
            errors.at(other, format!("expected a string literal, as in `{example}`"));
            None
        }
    }
}

/// The value without the invisible parentheses in which a `macro_rules!` macro passes it on.
pub(crate) fn bare(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => bare(*group.expr),
        value => value,
    }
}

/// Reads `= expr`, or skips to the next argument.
fn read_value(input: ParseStream<'_>) -> Value {
    if input.is_empty() || input.peek(Token![,]) {
        return Value::Missing;
    }
    let ahead = input.fork();
    if ahead.parse::<Token![=]>().is_ok() {
        match ahead.parse::<Expr>() {
            Ok(value) => {
                input.advance_to(&ahead);
                return Value::Is(value);
            }
            Err(error) if !ahead.is_empty() => {
                skip_to_comma(input);
                return Value::Bad(Some(error));
            }
            Err(_) => {}
        }
    }
    // What goes on with a word is the next argument, whose comma is missing.
    if !input.peek(Ident::peek_any) {
        skip_to_comma(input);
        return Value::Bad(None);
    }
    Value::Missing
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Any token parses as a token tree, so each round takes one.
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, read};
    use crate::diagnostics::Errors;

    fn shape(tokens: &str) -> (String, bool) {
        let mut errors = Errors::default();
        let arguments = read(tokens.parse().expect("tokens"), "", &mut errors);
        let arguments = arguments.iter().map(|argument| {
            let value = match argument.value {
                Value::Is(_) => "is",
                Value::Missing => "missing",
                Value::Bad(Some(_)) => "bad here",
                Value::Bad(None) => "bad",
            };
            format!("{} {value}", argument.word)
        });
        (arguments.collect::<Vec<_>>().join(", "), errors.into_compile_errors().is_some())
    }

    #[test]
    fn each_argument_is_read_whatever_stands_before_it() {
        let good = |text: &str| (text.to_owned(), false);
        assert_eq!(shape(""), good(""));
        assert_eq!(shape("a = 1, b, crate = ::x::y,"), good("a is, b missing, crate is"));
        assert_eq!(shape("a = , b"), good("a bad here, b missing"));
        assert_eq!(shape("a =, b = f(, c) d, e"), good("a bad here, b bad here, e missing"));
        assert_eq!(shape("a(b, c), d = 1 +"), good("a bad, d bad"));
        assert_eq!(shape("a b = 1"), ("a missing, b is".to_owned(), true));
        assert_eq!(shape("a = 1 b"), ("a is, b missing".to_owned(), true));
        assert_eq!(shape("7, a"), ("a missing".to_owned(), true));
    }
}
