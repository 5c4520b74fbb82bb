//! The arguments of `#[audit(..)]` on the enum and on its variants.

use syn::{Attribute, Expr, Ident, LitStr, Meta, Path};

use crate::arguments::{self, Argument, Value};
use crate::diagnostics::{Errors, check_category, check_part, check_prefix};
use crate::values::{SENSITIVITIES, SEVERITIES, bare, crate_path, string, word};

/// An argument. Each has its line in the tables below and its arm in [`Given::keep`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Prefix,
    Name,
    Category,
    Severity,
    Sensitivity,
    /// A word alone, which names a setter.
    Mark,
    Crate,
}

/// An argument, how it is written, and an example for the messages.
type Known = (Which, &'static str, &'static str);

const CATEGORY: Known = (Which::Category, "category", "category = \"billing\"");
const SEVERITY: Known = (Which::Severity, "severity", "severity = info");
const SENSITIVITY: Known = (Which::Sensitivity, "sensitivity", "sensitivity = high");

/// What stands on the enum: for all variants that do not say otherwise.
pub(crate) const ON_ENUM: Place = Place {
    name: "an enum",
    known: &[
        (Which::Prefix, "prefix", "prefix = \"invoice\""),
        CATEGORY,
        SEVERITY,
        SENSITIVITY,
        (Which::Crate, "crate", "crate = ::audit_core"),
    ],
};

/// What stands on a variant.
pub(crate) const ON_VARIANT: Place = Place {
    name: "a variant",
    known: &[
        (Which::Name, "name", "name = \"approve\""),
        CATEGORY,
        SEVERITY,
        SENSITIVITY,
        (Which::Mark, "alert", "alert"),
        (Which::Mark, "security", "security"),
    ],
};

/// Where an attribute stands, and what it takes there.
pub(crate) struct Place {
    name: &'static str,
    known: &'static [Known],
}

/// The arguments of one place, each good by itself.
#[derive(Default)]
pub(crate) struct Given {
    /// All arguments, also those whose values were no good.
    words: Vec<Known>,
    pub(crate) prefix: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) category: Option<LitStr>,
    /// The variant of `Severity`.
    pub(crate) severity: Option<Ident>,
    /// The variant of `Sensitivity`.
    pub(crate) sensitivity: Option<Ident>,
    /// The setters that mark the action.
    pub(crate) marks: Vec<&'static str>,
    pub(crate) core: Option<Path>,
}

impl Given {
    /// Reads all `#[audit(..)]` among the attributes.
    pub(crate) fn read(attributes: &[Attribute], place: &Place, errors: &mut Errors) -> Self {
        let mut given = Self::default();
        for attribute in attributes.iter().filter(|attribute| is_ours(attribute)) {
            match &attribute.meta {
                Meta::List(list) => {
                    let tokens = list.tokens.clone();
                    for argument in arguments::read(tokens, &place.takes(), errors) {
                        given.take(argument, place, errors);
                    }
                }
                Meta::Path(_) | Meta::NameValue(_) => errors.at(
                    attribute,
                    "the arguments are missing: write them as in `#[audit(severity = info)]`",
                ),
            }
        }
        given
    }

    fn take(&mut self, argument: Argument, place: &Place, errors: &mut Errors) {
        let Argument { word, value } = argument;
        let Some(known) = place.known.iter().find(|(_, known, _)| word == known) else {
            let Place { name, .. } = place;
            let message =
                format!("`#[audit]` on {name} has no argument `{word}`: {}", place.takes());
            return errors.at(&word, message);
        };
        let &(which, name, example) = known;
        let doubled = self.words.contains(known);
        self.words.push(*known);
        if doubled {
            errors.at(&word, format!("`{word}` is given twice: remove one"));
        }
        match value {
            Value::Missing if which == Which::Mark => self.marks.push(name),
            Value::Is(value) if which == Which::Mark => errors.at(value, alone(name)),
            Value::Bad(_) | Value::List(..) if which == Which::Mark => {
                errors.at(&word, alone(name));
            }
            Value::Is(value) if !doubled => self.keep(known, bare(value), errors),
            Value::Is(_) => {}
            Value::Bad(Some(error)) => errors.push(error),
            Value::Bad(None) | Value::List(..) | Value::Missing => {
                errors.at(&word, format!("`{word}` needs a value: write `{example}`"));
            }
        }
    }

    fn keep(&mut self, &(which, _, example): &Known, value: Expr, errors: &mut Errors) {
        match which {
            Which::Prefix => self.prefix = string(value, example, check_prefix, errors),
            Which::Name => self.name = string(value, example, check_part, errors),
            Which::Category => self.category = string(value, example, check_category, errors),
            Which::Severity => self.severity = word(value, example, &SEVERITIES, errors),
            Which::Sensitivity => self.sensitivity = word(value, example, &SENSITIVITIES, errors),
            // It has no value.
            Which::Mark => {}
            Which::Crate => self.core = crate_path(value, example, errors),
        }
    }

    /// Whether a prefix is given that is no good.
    pub(crate) fn has_bad_prefix(&self) -> bool {
        self.prefix.is_none() && self.has(Which::Prefix)
    }

    /// Whether a name is given that is no good.
    pub(crate) fn has_bad_name(&self) -> bool {
        self.name.is_none() && self.has(Which::Name)
    }

    fn has(&self, which: Which) -> bool {
        self.words.iter().any(|(given, ..)| *given == which)
    }
}

impl Place {
    fn takes(&self) -> String {
        let names: Vec<_> = self.known.iter().map(|(_, word, _)| format!("`{word}`")).collect();
        format!("it takes {}", names.join(", "))
    }
}

fn alone(name: &str) -> String {
    format!("`{name}` has no value: write `{name}` alone")
}

/// Whether an attribute is `#[audit(..)]`.
pub(crate) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("audit")
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use syn::parse_quote;

    use super::{Given, ON_ENUM, ON_VARIANT};
    use crate::diagnostics::Errors;

    #[test]
    fn the_example_of_each_argument_is_accepted() {
        for place in [ON_ENUM, ON_VARIANT] {
            for (_, word, example) in place.known {
                let mut errors = Errors::default();
                let tokens: TokenStream = example.parse().expect("tokens");
                let given = Given::read(&[parse_quote!(#[audit(#tokens)])], &place, &mut errors);
                assert!(errors.into_compile_errors().is_none(), "{example}");
                assert_eq!(given.words.len(), 1, "{word}");
                assert!(example.starts_with(word), "{word}");
            }
        }
    }
}
