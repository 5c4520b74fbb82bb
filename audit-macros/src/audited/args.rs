//! The arguments of the attribute: first read as they are given, then checked together.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Token};

use super::function::Function;
use crate::diagnostics::{Errors, check_action, check_resource};

/// An argument. Each has its line in [`KNOWN`] and its arm in [`Given::keep`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Action,
    Resource,
    ResourceId,
    ResourceIdFrom,
    Durability,
    Transaction,
}

/// How each argument is written, and an example for the messages.
const KNOWN: [(Name, &str, &str); 6] = [
    (Name::Action, "action", "action = \"invoice.approve\""),
    (Name::Resource, "resource", "resource = \"invoice\""),
    (Name::ResourceId, "resource_id", "resource_id = id"),
    (Name::ResourceIdFrom, "resource_id_from", "resource_id_from = |made: &Invoice| made.id"),
    (Name::Durability, "durability", "durability = durable"),
    (Name::Transaction, "transaction", "transaction = tx"),
];

/// The arguments of one attribute, checked.
pub(crate) struct Args {
    pub(crate) action: LitStr,
    pub(crate) resource: Option<LitStr>,
    pub(crate) resource_id: Option<ResourceId>,
    pub(crate) recorded: Recorded,
}

/// Where the id of the resource comes from.
pub(crate) enum ResourceId {
    /// An expression over the function's arguments, evaluated before the body.
    Before(Expr),
    /// A closure, or the path of a function, that gets the success value.
    After(Expr),
}

/// When the caller gets its answer, and with what the event is committed.
#[derive(Default)]
pub(crate) enum Recorded {
    /// When the event is queued.
    #[default]
    Buffered,
    /// When the event is safe on disk.
    Durable,
    /// When the event is in the transaction of this parameter.
    InTransaction(Ident),
}

/// The arguments as far as they could be read.
#[derive(Default)]
pub(crate) struct Given {
    /// All names in their order, also of arguments whose values were no good.
    names: Vec<(Name, Ident)>,
    action: Option<LitStr>,
    resource: Option<LitStr>,
    resource_id: Option<Expr>,
    resource_id_from: Option<Expr>,
    recorded: Recorded,
}

impl Given {
    /// Reads the tokens between the parentheses of the attribute.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut given = Self::default();
        let all = |input: ParseStream<'_>| {
            while !input.is_empty() {
                given.read_argument(input, errors);
                if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                    errors.push(input.error("expected `,` before this argument"));
                }
            }
            Ok(())
        };
        if let Err(error) = all.parse2(tokens) {
            errors.push(error);
        }
        given
    }

    fn read_argument(&mut self, input: ParseStream<'_>, errors: &mut Errors) {
        let Ok(word) = input.call(Ident::parse_any) else {
            errors.push(input.error(format!("expected the name of an argument: {}", known())));
            return skip_to_comma(input);
        };
        let value = read_value(input);
        let Some(&(name, _, example)) = KNOWN.iter().find(|(_, known, _)| word == known) else {
            return errors.at(&word, format!("`#[audited]` has no argument `{word}`: {}", known()));
        };
        let doubled = self.given(name).is_some();
        if doubled {
            errors.at(&word, format!("`{word}` is given twice: remove one"));
        }
        match value {
            Ok(value) if !doubled => self.keep(name, value, example, errors),
            Ok(_) => {}
            Err(Some(error)) => errors.push(error),
            Err(None) => errors.at(&word, format!("`{word}` needs a value: write `{example}`")),
        }
        self.names.push((name, word));
    }

    fn keep(&mut self, name: Name, value: Expr, example: &str, errors: &mut Errors) {
        match name {
            Name::Action => self.action = string(value, example, check_action, errors),
            Name::Resource => self.resource = string(value, example, check_resource, errors),
            Name::ResourceId => self.resource_id = Some(value),
            Name::ResourceIdFrom => match value {
                Expr::Closure(_) | Expr::Path(_) => self.resource_id_from = Some(value),
                other => errors.at(
                    other,
                    format!("expected a closure or the path of a function, as in `{example}`"),
                ),
            },
            Name::Durability => match &value {
                Expr::Path(path) if path.path.is_ident("buffered") => {}
                Expr::Path(path) if path.path.is_ident("durable") => {
                    self.recorded = Recorded::Durable;
                }
                _ => errors.at(value, "the durability is either `buffered` or `durable`"),
            },
            Name::Transaction => match &value {
                Expr::Path(path) if let Some(parameter) = path.path.get_ident() => {
                    self.recorded = Recorded::InTransaction(parameter.clone());
                }
                _ => {
                    errors.at(value, format!("expected the name of a parameter, as in `{example}`"))
                }
            },
        }
    }

    /// Checks the arguments together and against the function. `None` means that there is no action.
    pub(crate) fn check(self, function: Option<&Function>, errors: &mut Errors) -> Option<Args> {
        if self.given(Name::Action).is_none() {
            errors.push(syn::Error::new(
                Span::call_site(),
                "the action is missing: write `#[audited(action = \"invoice.approve\")]`",
            ));
        }
        let ids = [self.given(Name::ResourceId), self.given(Name::ResourceIdFrom)];
        if let [Some(_), Some(second)] = ids {
            errors
                .at(second, "`resource_id` and `resource_id_from` exclude each other: remove one");
        }
        if self.given(Name::Resource).is_none() {
            for id in ids.into_iter().flatten() {
                errors.at(id, format!("`{id}` needs a resource: add `resource = \"invoice\"`"));
            }
        }
        if let (Some(_), Some(second)) =
            (self.given(Name::Durability), self.given(Name::Transaction))
        {
            errors
                .at(second, "an event in a transaction is as durable as that: remove `durability`");
        }
        if let (Recorded::InTransaction(parameter), Some(function)) = (&self.recorded, function)
            && !function.borrows_mutably(parameter)
        {
            errors.at(
                parameter,
                format!(
                    "the function has no parameter `{parameter}: &mut ..`: name one that is a \
                 connection or a transaction"
                ),
            );
        }
        if let Some(place) = function.and_then(Function::returns_nothing) {
            if !matches!(self.recorded, Recorded::Buffered) {
                errors.push(syn::Error::new(
                    place,
                    "this function must be able to say that it was not recorded: return \
                     `Result<_, E>` where `E: From<audit_core::NotRecorded>`",
                ));
            }
            if self.resource_id_from.is_some() {
                errors.push(syn::Error::new(
                    place,
                    "`resource_id_from` takes the id from the success value: return `Result<_, _>`",
                ));
            }
        }
        Some(Args {
            action: self.action?,
            resource: self.resource,
            resource_id: self
                .resource_id
                .map(ResourceId::Before)
                .or(self.resource_id_from.map(ResourceId::After)),
            recorded: self.recorded,
        })
    }

    /// Where the argument is given first.
    fn given(&self, name: Name) -> Option<&Ident> {
        let mut all = self.names.iter();
        all.find(|(given, _)| *given == name).map(|(_, word)| word)
    }
}

/// The value of a string argument, if it is a literal that passes the check.
fn string(
    value: Expr,
    example: &str,
    check: fn(&str) -> Result<(), String>,
    errors: &mut Errors,
) -> Option<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match check(&text.value()) {
            Ok(()) => Some(text),
            Err(message) => {
                errors.at(text, message);
                None
            }
        },
        // What a `macro_rules!` macro passes on stands in invisible parentheses.
        Expr::Group(group) => string(*group.expr, example, check, errors),
        other => {
            errors.at(other, format!("expected a string literal, as in `{example}`"));
            None
        }
    }
}

/// Reads `= expr`, or skips to the next argument. Without an error, the value is not there, or ends
/// too early, and the place to tell it is the argument's name.
fn read_value(input: ParseStream<'_>) -> Result<Expr, Option<syn::Error>> {
    let ahead = input.fork();
    let value = ahead
        .parse::<Token![=]>()
        .map_err(|_| None)
        .and_then(|_| ahead.parse::<Expr>().map_err(|error| (!ahead.is_empty()).then_some(error)));
    match value {
        Ok(_) => input.advance_to(&ahead),
        Err(_) => skip_to_comma(input),
    }
    value
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Any token parses as a token tree, so each round takes one.
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

fn known() -> String {
    let names = KNOWN.map(|(_, word, _)| format!("`{word}`"));
    format!("it takes {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse::Parser;

    use super::{Given, KNOWN, read_value};
    use crate::diagnostics::Errors;

    #[test]
    fn the_example_of_each_argument_is_accepted() {
        for (_, word, example) in KNOWN {
            let mut errors = Errors::default();
            let given = Given::read(example.parse().expect("tokens"), &mut errors);
            assert!(errors.into_compile_errors().is_none(), "{example}");
            assert_eq!(
                given.names.first().map(|(_, given)| given.to_string()).as_deref(),
                Some(word)
            );
        }
    }

    #[test]
    fn a_bad_value_is_skipped_up_to_the_next_argument() {
        let rest = |tokens: &str| {
            let read = |input: syn::parse::ParseStream<'_>| {
                assert!(read_value(input).is_err(), "{tokens}");
                input.parse::<proc_macro2::TokenStream>()
            };
            let rest = Parser::parse_str(read, tokens).expect("no other error");
            rest.into_token_stream().to_string()
        };
        assert_eq!(rest("= , action = 1"), ", action = 1");
        assert_eq!(rest("= f(, a) b, action = 1"), ", action = 1");
        assert_eq!(rest("(a, b), action = 1"), ", action = 1");
        assert_eq!(rest(""), "");
        assert_eq!(rest("= a +"), "");
    }
}
