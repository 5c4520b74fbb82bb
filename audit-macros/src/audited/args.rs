//! The arguments of the attribute: first taken as they are given, then checked together.

use proc_macro2::{Span, TokenStream};
use syn::{Expr, Ident, LitStr, Path};

use super::argument::{KNOWN, Name, known};
use super::function::{Function, Kind};
use crate::arguments::{self, Argument, Item, Value, items};
use crate::diagnostics::{
    Errors, check_action, check_any, check_category, check_key, check_resource, check_retention,
    check_tag,
};
use crate::values::{SENSITIVITIES, SEVERITIES, bare, crate_path, literal, string, word};

/// The arguments of one attribute, checked.
pub(crate) struct Args {
    /// As they were written.
    pub(crate) tokens: TokenStream,
    pub(crate) core: Option<Path>,
    /// A name, or the path of a constant or of an enum's variant.
    pub(crate) action: Expr,
    pub(crate) given: Given,
}

/// A setter with what is the same for all calls.
pub(crate) struct Constant {
    pub(crate) setter: &'static str,
    pub(crate) value: ConstantValue,
}

pub(crate) enum ConstantValue {
    Text(LitStr),
    /// A variant of an enum of `audit-core`.
    Variant(&'static str, Ident),
    Nothing,
}

/// A setter with an expression over the function's arguments, which is borrowed.
pub(crate) struct Fact {
    pub(crate) setter: &'static str,
    /// What the setter takes before the value.
    pub(crate) name: Option<LitStr>,
    pub(crate) value: FactValue,
}

pub(crate) enum FactValue {
    Expr(Expr),
    /// One that is looked into.
    Looked(Expr),
    /// A format string.
    Format(LitStr),
}

/// When the caller gets its answer, and with what the event is committed.
#[derive(Default)]
pub(crate) enum Recorded {
    /// When the event is queued.
    #[default]
    Buffered,
    /// When the event is safe on disk.
    Durable,
    /// As durable, and an event that says that it begins is so before the body runs.
    Strict,
    /// When the event is in the transaction of this parameter.
    InTransaction(Ident),
}

/// The arguments as far as they could be read.
#[derive(Default)]
pub(crate) struct Given {
    tokens: TokenStream,
    /// All names in their order, also of arguments whose values were no good.
    names: Vec<(Name, Ident)>,
    action: Option<Expr>,
    core: Option<Path>,
    /// What all events of the action say.
    pub(crate) of_action: Vec<Constant>,
    /// What else all calls have in common.
    pub(crate) of_site: Vec<Constant>,
    /// What each call says before its body.
    pub(crate) of_call: Vec<Fact>,
    pub(crate) recorder: Option<Expr>,
    pub(crate) skip_if: Option<Expr>,
    pub(crate) resource_id_from: Option<Expr>,
    pub(crate) outcome: Option<Expr>,
    pub(crate) recorded: Recorded,
}

impl Given {
    /// Reads the tokens between the parentheses of the attribute.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut given = Self { tokens: tokens.clone(), ..Self::default() };
        for argument in arguments::read(tokens, &known(), errors) {
            given.take(argument, errors);
        }
        given
    }

    fn take(&mut self, argument: Argument, errors: &mut Errors) {
        let Argument { word, value } = argument;
        let Some(&(name, _, example)) = KNOWN.iter().find(|(_, known, _)| word == known) else {
            return errors.at(&word, format!("`#[audited]` has no argument `{word}`: {}", known()));
        };
        let doubled = self.given(name).is_some();
        self.names.push((name, word.clone()));
        if doubled {
            errors.at(&word, format!("`{word}` is given twice: remove one"));
        }
        let is_list = matches!(name, Name::Parent | Name::Tags | Name::Labels | Name::Metadata);
        let is_word = matches!(name, Name::Sensitive | Name::Compliance);
        match value {
            Value::Bad(Some(error)) => errors.push(error),
            Value::Missing if is_word => self.keep_word(name),
            Value::Is(_) | Value::List(..) | Value::Bad(_) if is_word => {
                errors.at(&word, format!("`{word}` has no value: write `{example}` alone"));
            }
            Value::List(list) if is_list && !doubled => {
                self.keep_list(name, &word, items(list, errors), example, errors);
            }
            Value::Is(value) if !is_list && !doubled => {
                self.keep(name, bare(value), example, errors);
            }
            Value::Is(_) | Value::List(..) if doubled => {}
            _ if is_list => {
                errors.at(&word, format!("`{word}` needs a list: write `{example}`"));
            }
            _ => errors.at(&word, format!("`{word}` needs a value: write `{example}`")),
        }
    }

    fn keep(&mut self, name: Name, value: Expr, example: &str, errors: &mut Errors) {
        match name {
            Name::Action => self.action = action(value, example, errors),
            Name::Resource => {
                self.site("resource", string(value, example, check_resource, errors));
            }
            Name::Retention => {
                self.site("retention", string(value, example, check_retention, errors));
            }
            Name::Category => {
                let value = string(value, example, check_category, errors);
                let value = value.map(ConstantValue::Text);
                self.of_action.extend(value.map(|value| Constant { setter: "category", value }));
            }
            Name::Severity => {
                let value = word(value, example, &SEVERITIES, errors);
                let value = value.map(|word| ConstantValue::Variant("Severity", word));
                self.of_action.extend(value.map(|value| Constant { setter: "severity", value }));
            }
            Name::Sensitivity => {
                let value = word(value, example, &SENSITIVITIES, errors);
                let value = value.map(|word| ConstantValue::Variant("Sensitivity", word));
                self.of_action.extend(value.map(|value| Constant { setter: "sensitivity", value }));
            }
            Name::ResourceId => self.call("resource_id", None, FactValue::Expr(value)),
            Name::Actor => self.call("actor", None, FactValue::Expr(value)),
            Name::Reason => self.call("reason", None, FactValue::Expr(value)),
            Name::Message => {
                if let Some(text) = string(value, example, check_any, errors) {
                    self.call("message", None, FactValue::Format(text));
                }
            }
            Name::Recorder => self.recorder = Some(value),
            Name::SkipIf => self.skip_if = Some(value),
            Name::ResourceIdFrom => self.resource_id_from = function(value, example, errors),
            Name::Outcome => self.outcome = function(value, example, errors),
            Name::Durability => self.recorded = durability(value, errors),
            Name::Transaction => match &value {
                Expr::Path(path) if let Some(parameter) = path.path.get_ident() => {
                    self.recorded = Recorded::InTransaction(parameter.clone());
                }
                _ => {
                    errors.at(value, format!("expected the name of a parameter, as in `{example}`"))
                }
            },
            Name::Crate => self.core = crate_path(value, example, errors),
            // These are no values.
            Name::Parent
            | Name::Tags
            | Name::Labels
            | Name::Metadata
            | Name::Sensitive
            | Name::Compliance => {}
        }
    }

    fn keep_word(&mut self, name: Name) {
        let setter = match name {
            Name::Sensitive => "sensitive",
            _ => "compliance",
        };
        self.of_site.push(Constant { setter, value: ConstantValue::Nothing });
    }

    fn keep_list(
        &mut self,
        name: Name,
        word: &Ident,
        items: Vec<Item>,
        example: &str,
        errors: &mut Errors,
    ) {
        if name == Name::Parent {
            return match <[Item; 2]>::try_from(items) {
                Ok([Item::Bare(kind), Item::Bare(id)]) => {
                    if let Some(kind) = string(kind, example, check_resource, errors) {
                        self.call("parent", Some(kind), FactValue::Expr(id));
                    }
                }
                _ => errors.at(word, format!("`{word}` takes a type and an id: write `{example}`")),
            };
        }
        let mut names: Vec<String> = Vec::new();
        for item in items {
            match item {
                Item::Bare(value) if name == Name::Tags => {
                    let is_good = match literal(&value) {
                        Some(text) => {
                            check_tag(&text.value()).map_err(|error| errors.at(text, error))
                        }
                        None => Ok(()),
                    };
                    if is_good.is_ok() {
                        self.call("tag", None, FactValue::Expr(value));
                    }
                }
                Item::Named(key, value) if name != Name::Tags => {
                    if names.contains(&key.value()) {
                        errors.at(&key, format!("`{}` is given twice: remove one", key.value()));
                    } else if let Err(error) = check_key(&key.value()) {
                        errors.at(&key, error);
                    } else {
                        names.push(key.value());
                        match name {
                            Name::Labels => self.call("label", Some(key), FactValue::Expr(value)),
                            _ => self.call("metadata", Some(key), FactValue::Looked(value)),
                        }
                    }
                }
                Item::Named(key, _) => {
                    errors.at(key, format!("a tag has no name: write `{example}`"));
                }
                Item::Bare(value) => {
                    errors.at(value, format!("expected a name and a value: write `{example}`"));
                }
            }
        }
    }

    fn site(&mut self, setter: &'static str, text: Option<LitStr>) {
        let value = text.map(ConstantValue::Text);
        self.of_site.extend(value.map(|value| Constant { setter, value }));
    }

    fn call(&mut self, setter: &'static str, name: Option<LitStr>, value: FactValue) {
        self.of_call.push(Fact { setter, name, value });
    }

    /// Checks the arguments together and against the function. `None` means that there is no action.
    pub(crate) fn check(
        mut self,
        function: Option<&Function>,
        errors: &mut Errors,
    ) -> Option<Args> {
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
            for part in ids.into_iter().chain([self.given(Name::Parent)]).flatten() {
                errors.at(part, format!("`{part}` needs a resource: add `resource = \"invoice\"`"));
            }
        }
        if let (Some(_), Some(second)) =
            (self.given(Name::Durability), self.given(Name::Transaction))
        {
            errors
                .at(second, "an event in a transaction is as durable as that: remove `durability`");
        }
        if let Some(function) = function {
            self.check_against(function, errors);
        }
        Some(Args {
            tokens: std::mem::take(&mut self.tokens),
            core: self.core.take(),
            action: self.action.take()?,
            given: self,
        })
    }

    fn check_against(&self, function: &Function, errors: &mut Errors) {
        if let Recorded::InTransaction(parameter) = &self.recorded {
            if !function.borrows_mutably(parameter) {
                errors.at(
                    parameter,
                    format!(
                        "the function has no parameter `{parameter}: &mut ..`: name one that is a \
                         connection or a transaction"
                    ),
                );
            }
            if !matches!(function.kind, Kind::Async) {
                errors.at(
                    parameter,
                    "only an `async fn` can have its event in a transaction: make it one, or remove this \
                     and call `audit_core::current().record_in(..)` in the body",
                );
            }
        }
        if let (Kind::Sync, Some(word)) = (&function.kind, self.given(Name::Durability))
            && matches!(self.recorded, Recorded::Durable | Recorded::Strict)
        {
            errors.at(
                word,
                "a function that is not `async` cannot wait for its entry: make it async, or remove \
                 `durability`",
            );
        }
        let Some(place) = function.returns_nothing() else {
            return;
        };
        if !matches!(self.recorded, Recorded::Buffered) && !matches!(function.kind, Kind::Sync) {
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

    /// Where the argument is given first.
    fn given(&self, name: Name) -> Option<&Ident> {
        let mut all = self.names.iter();
        all.find(|(given, _)| *given == name).map(|(_, word)| word)
    }
}

/// The name of an action, or the path of what names one.
fn action(value: Expr, example: &str, errors: &mut Errors) -> Option<Expr> {
    match value {
        Expr::Path(_) => Some(value),
        Expr::Lit(ref written) => {
            string(value.clone(), example, check_action, errors).map(|_| Expr::Lit(written.clone()))
        }
        other => {
            errors.at(
                other,
                format!(
                    "expected a string literal, as in `{example}`, or the path of a constant or of a \
                     variant with `#[derive(AuditAction)]`"
                ),
            );
            None
        }
    }
}

fn durability(value: Expr, errors: &mut Errors) -> Recorded {
    match &value {
        Expr::Path(path) if path.path.is_ident("buffered") => Recorded::Buffered,
        Expr::Path(path) if path.path.is_ident("durable") => Recorded::Durable,
        Expr::Path(path) if path.path.is_ident("strict") => Recorded::Strict,
        _ => {
            errors.at(value, "the durability is `buffered`, `durable` or `strict`");
            Recorded::Buffered
        }
    }
}

/// What is called with the returned value.
fn function(value: Expr, example: &str, errors: &mut Errors) -> Option<Expr> {
    match value {
        Expr::Closure(_) | Expr::Path(_) => Some(value),
        other => {
            errors.at(
                other,
                format!("expected a closure or the path of a function, as in `{example}`"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Given, KNOWN};
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
}
