//! The words in `#[audit(..)]`: read as they are given, and checked against each other.

use syn::{Attribute, Expr, Ident, LitStr, Meta, Path};

use crate::arguments::{self, Argument, Value};
use crate::diagnostics::{Errors, check_resource};
use crate::values::{bare, crate_path, string};

/// A word. Each has its line in [`KNOWN`] and, if it has a value, its arm in [`Words::keep`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Resource,
    Crate,
    Id,
    Skip,
    Redact,
    Personal,
    Rename,
    Flatten,
}

/// What an attribute stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Type,
    Variant,
    Field,
}

/// How each word is written, where, and an example for the messages.
const KNOWN: [(Word, &str, &[On], &str); 8] = [
    (Word::Resource, "resource", &[On::Type], "resource = \"invoice\""),
    (Word::Crate, "crate", &[On::Type], "crate = some::path::audit_core"),
    (Word::Id, "id", &[On::Field], "id"),
    (Word::Skip, "skip", &[On::Field], "skip"),
    (Word::Redact, "redact", &[On::Field], "redact"),
    (Word::Personal, "personal", &[On::Field], "personal"),
    (Word::Rename, "rename", &[On::Field, On::Variant], "rename = \"name\""),
    (Word::Flatten, "flatten", &[On::Field], "flatten"),
];

/// Pairs that exclude each other, and why.
const CONTRARY: [(Word, Word, &str); 10] = [
    (
        Word::Skip,
        Word::Redact,
        "`skip` leaves the field out without a word, `redact` says that it was taken out: remove one",
    ),
    (Word::Skip, Word::Personal, "a skipped field stands nowhere: remove `personal`, or `skip`"),
    (Word::Skip, Word::Rename, "a skipped field stands nowhere: remove `rename`, or `skip`"),
    (Word::Skip, Word::Flatten, "a skipped field stands nowhere: remove `flatten`, or `skip`"),
    (
        Word::Redact,
        Word::Personal,
        "of a redacted value nothing stands in the log that could be erased: remove `personal`, or \
         `redact`",
    ),
    (
        Word::Redact,
        Word::Flatten,
        "a redacted value has no members to spread: remove `flatten`, or mark the fields of its type",
    ),
    (
        Word::Personal,
        Word::Flatten,
        "`flatten` spreads the value, and nothing is left to be personal: remove it, or mark the \
         fields of its type",
    ),
    (Word::Rename, Word::Flatten, "a flattened field has no name: remove `rename`, or `flatten`"),
    (
        Word::Id,
        Word::Redact,
        "the id of a resource stands in the clear: remove `redact`, or mark another field with `id`",
    ),
    (
        Word::Id,
        Word::Personal,
        "the id of a resource stands in the clear, and cannot be erased: remove `personal`, or mark \
         another field with `id`",
    ),
];

/// The words of all `#[audit(..)]` on one type, variant or field.
#[derive(Default)]
pub(crate) struct Words {
    /// In their order, also those whose values were no good.
    all: Vec<(Word, Ident)>,
    pub(crate) resource: Option<LitStr>,
    pub(crate) path: Option<Path>,
    pub(crate) rename: Option<LitStr>,
}

impl Words {
    /// Reads the attributes that are ours.
    pub(crate) fn read(attributes: &[Attribute], on: On, errors: &mut Errors) -> Self {
        let mut words = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("audit")) {
            let Meta::List(list) = &attribute.meta else {
                errors.at(&attribute.meta, format!("expected words in parentheses: {}", known(on)));
                continue;
            };
            for argument in arguments::read(list.tokens.clone(), &known(on), errors) {
                words.take(argument, on, errors);
            }
        }
        words.check_pairs(errors);
        words
    }

    /// Where the word stands, if it is given.
    pub(crate) fn given(&self, word: Word) -> Option<&Ident> {
        self.all.iter().find(|(given, _)| *given == word).map(|(_, ident)| ident)
    }

    fn take(&mut self, argument: Argument, on: On, errors: &mut Errors) {
        let Argument { word: ident, value } = argument;
        let known_word = KNOWN.iter().find(|(_, known, ..)| ident == known);
        let Some(&(word, _, places, example)) = known_word else {
            return errors.at(&ident, format!("`{ident}` is unknown here: {}", known(on)));
        };
        if !places.contains(&on) {
            let place = if places.contains(&On::Type) { "the type" } else { "a field" };
            return errors.at(&ident, format!("`{ident}` belongs on {place}: move it there"));
        }
        if self.given(word).is_some() {
            return errors.at(&ident, format!("`{ident}` is given twice: remove one"));
        }
        self.all.push((word, ident.clone()));
        let has_value = matches!(word, Word::Resource | Word::Crate | Word::Rename);
        match value {
            Value::Is(value) if has_value => self.keep(word, value, example, errors),
            Value::Missing if !has_value => {}
            Value::Bad(Some(error)) => errors.push(error),
            _ if has_value => {
                errors.at(&ident, format!("`{ident}` needs a value: write `{example}`"));
            }
            _ => errors.at(&ident, format!("`{ident}` takes no value: write `{example}` alone")),
        }
    }

    fn keep(&mut self, word: Word, value: Expr, example: &str, errors: &mut Errors) {
        match word {
            Word::Crate => self.path = crate_path(bare(value), example, errors),
            Word::Resource => self.resource = string(value, example, check_resource, errors),
            _ => self.rename = string(value, example, check_member, errors),
        }
    }

    fn check_pairs(&self, errors: &mut Errors) {
        for (one, other, why) in CONTRARY {
            let at = |word| self.all.iter().position(|(given, _)| *given == word);
            if let (Some(one), Some(other)) = (at(one), at(other))
                && let Some((_, later)) = self.all.get(one.max(other))
            {
                errors.at(later, why);
            }
        }
    }
}

/// Checks the name of a member; the error is a sentence for the user.
fn check_member(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(char::is_control) {
        return Err(format!(
            "`{}` is no name for a member: write at least one character, and no control characters",
            name.escape_debug()
        ));
    }
    Ok(())
}

fn known(on: On) -> String {
    let here = KNOWN.iter().filter(|(_, _, places, _)| places.contains(&on));
    let here: Vec<_> = here.map(|(_, _, _, example)| format!("`{example}`")).collect();
    format!("write {}", here.join(", "))
}

#[cfg(test)]
mod tests {
    use syn::{Attribute, parse_quote};

    use super::{CONTRARY, KNOWN, Words};
    use crate::diagnostics::Errors;

    fn is_accepted(words: &str, on: super::On) -> bool {
        let mut errors = Errors::default();
        let tokens: proc_macro2::TokenStream = words.parse().expect("tokens");
        let attribute: Attribute = parse_quote!(#[audit(#tokens)]);
        Words::read(&[attribute], on, &mut errors);
        errors.into_compile_errors().is_none()
    }

    #[test]
    fn the_example_of_each_word_is_accepted_where_it_belongs_and_nowhere_else() {
        for (_, _, places, example) in KNOWN {
            for on in [super::On::Type, super::On::Variant, super::On::Field] {
                assert_eq!(is_accepted(example, on), places.contains(&on), "{example}");
            }
        }
    }

    #[test]
    fn contrary_words_are_refused_in_either_order() {
        let example = |word| KNOWN.iter().find(|known| known.0 == word).expect("known").3;
        for (one, other, why) in CONTRARY {
            let (one, other) = (example(one), example(other));
            assert!(!is_accepted(&format!("{one}, {other}"), super::On::Field), "{why}");
            assert!(!is_accepted(&format!("{other}, {one}"), super::On::Field), "{why}");
        }
        assert!(is_accepted("id, skip", super::On::Field));
        assert!(is_accepted("personal, rename = \"a\"", super::On::Field));
    }
}
