//! How the arguments of an attribute are written: `word`, `word = value`, or `word(.., ..)`, with commas between
//! them.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{Expr, Ident, LitStr, Token, parenthesized};

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
    /// `(.., ..)`, with its items still unread.
    List(TokenStream),
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

/// Reads `= expr`, or skips to the next argument.
fn read_value(input: ParseStream<'_>) -> Value {
    if input.is_empty() || input.peek(Token![,]) {
        return Value::Missing;
    }
    if input.peek(Paren) {
        return list(input).map_or_else(|error| Value::Bad(Some(error)), Value::List);
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

fn list(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let items;
    parenthesized!(items in input);
    items.parse()
}

/// An item of a list.
pub(crate) enum Item {
    /// `expr`
    Bare(Expr),
    /// `name = expr`; the name may be a string literal.
    Named(LitStr, Expr),
}

/// Reads the items of a list.
pub(crate) fn items(tokens: TokenStream, errors: &mut Errors) -> Vec<Item> {
    match Punctuated::<Item, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(items) => items.into_iter().collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        let name = match ahead.parse::<LitStr>() {
            Ok(name) => Some(name),
            Err(_) => ahead
                .call(Ident::parse_any)
                .ok()
                .map(|word| LitStr::new(&word.unraw().to_string(), word.span())),
        };
        match name {
            Some(name) if ahead.peek(Token![=]) && !ahead.peek(Token![==]) => {
                input.advance_to(&ahead);
                input.parse::<Token![=]>()?;
                Ok(Self::Named(name, input.parse()?))
            }
            _ => input.parse().map(Self::Bare),
        }
    }
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
                Value::List(..) => "list",
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
        assert_eq!(shape("a(b, c), d = 1 +"), good("a list, d bad"));
        assert_eq!(shape("a b = 1"), ("a missing, b is".to_owned(), true));
        assert_eq!(shape("a = 1 b"), ("a is, b missing".to_owned(), true));
        assert_eq!(shape("7, a"), ("a missing".to_owned(), true));
    }
}
