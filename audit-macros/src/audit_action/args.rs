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
    Alert,
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
    known: [
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
    known: [
        (Which::Name, "name", "name = \"approve\""),
        CATEGORY,
        SEVERITY,
        SENSITIVITY,
        (Which::Alert, "alert", "alert"),
    ],
};

/// Where an attribute stands, and what it takes there.
pub(crate) struct Place {
    name: &'static str,
    known: [Known; 5],
}

/// The arguments of one place, each good by itself.
#[derive(Default)]
pub(crate) struct Given {
    /// All names, also of arguments whose values were no good.
    names: Vec<Which>,
    pub(crate) prefix: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) category: Option<LitStr>,
    /// The variant of `Severity`.
    pub(crate) severity: Option<Ident>,
    /// The variant of `Sensitivity`.
    pub(crate) sensitivity: Option<Ident>,
    pub(crate) alert: bool,
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
        let &(name, _, example) = known;
        let doubled = self.names.contains(&name);
        self.names.push(name);
        if doubled {
            errors.at(&word, format!("`{word}` is given twice: remove one"));
        }
        match value {
            Value::Missing if name == Which::Alert => self.alert = true,
            Value::Is(value) if name == Which::Alert => {
                errors.at(value, "`alert` has no value: write `alert` alone");
            }
            Value::Bad(_) | Value::List(..) if name == Which::Alert => {
                errors.at(&word, "`alert` has no value: write `alert` alone");
            }
            Value::Is(value) if !doubled => self.keep(known, bare(value), errors),
            Value::Is(_) => {}
            Value::Bad(Some(error)) => errors.push(error),
            Value::Bad(None) | Value::List(..) | Value::Missing => {
                errors.at(&word, format!("`{word}` needs a value: write `{example}`"));
            }
        }
    }

    fn keep(&mut self, &(name, _, example): &Known, value: Expr, errors: &mut Errors) {
        match name {
            Which::Prefix => self.prefix = string(value, example, check_prefix, errors),
            Which::Name => self.name = string(value, example, check_part, errors),
            Which::Category => self.category = string(value, example, check_category, errors),
            Which::Severity => self.severity = word(value, example, &SEVERITIES, errors),
            Which::Sensitivity => self.sensitivity = word(value, example, &SENSITIVITIES, errors),
            // It has no value.
            Which::Alert => {}
            Which::Crate => self.core = crate_path(value, example, errors),
        }
    }

    /// Whether a prefix is given that is no good.
    pub(crate) fn has_bad_prefix(&self) -> bool {
        self.prefix.is_none() && self.names.contains(&Which::Prefix)
    }

    /// Whether a name is given that is no good.
    pub(crate) fn has_bad_name(&self) -> bool {
        self.name.is_none() && self.names.contains(&Which::Name)
    }
}

impl Place {
    fn takes(&self) -> String {
        let names = self.known.map(|(_, word, _)| format!("`{word}`"));
        format!("it takes {}", names.join(", "))
    }
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
                assert_eq!(given.names.len(), 1, "{word}");
                assert!(example.starts_with(word), "{word}");
            }
        }
    }
}
