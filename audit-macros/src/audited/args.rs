//! The arguments of the attribute: first read as they are given, then checked together.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Token};

use super::function::Function;
use crate::diagnostics::{Errors, check_action, check_resource};

/// Every argument, with an example of its use for the messages.
const KNOWN: [(&str, &str); 5] = [
    ("action", "action = \"invoice.approve\""),
    ("resource", "resource = \"invoice\""),
    ("resource_id", "resource_id = id"),
    ("resource_id_from", "resource_id_from = |made: &Invoice| made.id"),
    ("durability", "durability = durable"),
];

/// The arguments of one attribute, checked.
pub(crate) struct Args {
    pub(crate) action: LitStr,
    pub(crate) resource: Option<LitStr>,
    pub(crate) resource_id: Option<ResourceId>,
    pub(crate) durability: Durability,
}

/// Where the id of the resource comes from.
pub(crate) enum ResourceId {
    /// An expression over the function's arguments, evaluated before the body.
    Before(Expr),
    /// A closure, or the path of a function, that gets the success value.
    After(Expr),
}

/// When the caller gets its answer.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When the event is queued.
    #[default]
    Buffered,
    /// When the event is safe on disk.
    Durable,
}

/// The arguments as far as they could be read.
#[derive(Default)]
pub(crate) struct Given {
    /// All names in their order, also of arguments whose values were no good.
    names: Vec<Ident>,
    action: Option<LitStr>,
    resource: Option<LitStr>,
    resource_id: Option<Expr>,
    resource_id_from: Option<Expr>,
    durability: Durability,
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
        let Ok(name) = input.call(Ident::parse_any) else {
            errors.push(input.error(format!("expected the name of an argument: {}", known())));
            return skip_to_comma(input);
        };
        let Some((_, example)) = KNOWN.iter().find(|(known, _)| name == known) else {
            errors.at(&name, format!("`#[audited]` has no argument `{name}`: {}", known()));
            if read_value(input).is_err() {
                skip_to_comma(input);
            }
            return;
        };
        if !input.peek(Token![=]) {
            errors.at(&name, format!("`{name}` needs a value: write `{example}`"));
            return skip_to_comma(input);
        }
        let doubled = self.name(&name).is_some();
        if doubled {
            errors.at(&name, format!("`{name}` is given twice: remove one"));
        }
        match read_value(input) {
            Ok(_) if doubled => {}
            Ok(value) => self.keep(&name, value, example, errors),
            Err(error) => {
                errors.push(error);
                skip_to_comma(input);
            }
        }
        self.names.push(name);
    }

    fn keep(&mut self, name: &Ident, value: Expr, example: &str, errors: &mut Errors) {
        match name.to_string().as_str() {
            "action" => self.action = string(value, example, check_action, errors),
            "resource" => self.resource = string(value, example, check_resource, errors),
            "resource_id" => self.resource_id = Some(value),
            "resource_id_from" => match value {
                Expr::Closure(_) | Expr::Path(_) => self.resource_id_from = Some(value),
                other => errors.at(
                    other,
                    format!("expected a closure or the path of a function, as in `{example}`"),
                ),
            },
            _ => match &value {
                Expr::Path(path) if path.path.is_ident("buffered") => {}
                Expr::Path(path) if path.path.is_ident("durable") => {
                    self.durability = Durability::Durable;
                }
                _ => errors.at(value, "the durability is either `buffered` or `durable`"),
            },
        }
    }

    /// Checks the arguments together and against the function. `None` means that there is no action.
    pub(crate) fn check(self, function: Option<&Function>, errors: &mut Errors) -> Option<Args> {
        if self.name("action").is_none() {
            errors.push(syn::Error::new(
                Span::call_site(),
                "the action is missing: write `#[audited(action = \"invoice.approve\")]`",
            ));
        }
        let ids = [self.name("resource_id"), self.name("resource_id_from")];
        if let [Some(_), Some(second)] = ids {
            errors.at(
                second,
                "`resource_id` and `resource_id_from` exclude each other: remove one",
            );
        }
        if self.name("resource").is_none() {
            for id in ids.into_iter().flatten() {
                errors.at(id, format!("`{id}` needs a resource: add `resource = \"invoice\"`"));
            }
        }
        if let Some(place) = function.and_then(Function::returns_nothing) {
            if self.durability == Durability::Durable {
                errors.push(syn::Error::new(
                    place,
                    "a durable function must be able to say that it was not recorded: return \
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
            durability: self.durability,
        })
    }

    fn name<T: ?Sized>(&self, name: &T) -> Option<&Ident>
    where
        Ident: PartialEq<T>,
    {
        self.names.iter().find(|given| *given == name)
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

/// Reads `= expr`, or nothing at all: a failed attempt must not leave the input inside the value.
fn read_value(input: ParseStream<'_>) -> syn::Result<Expr> {
    let ahead = input.fork();
    ahead.parse::<Token![=]>()?;
    let value = ahead.parse()?;
    input.advance_to(&ahead);
    Ok(value)
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
    let names: Vec<String> = KNOWN.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!("it takes {}", names.join(", "))
}
