//! The enum below the derive: its actions, checked one by one and against each other.

use heck::ToSnakeCase;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DataEnum, DeriveInput, Ident, LitStr, Path, Variant};

use super::args::{Given, ON_ENUM, ON_VARIANT, is_ours};
use crate::diagnostics::{Errors, check_action, check_part};

/// All actions of an enum, in the order of its variants.
pub(crate) struct Actions {
    pub(crate) core: Option<Path>,
    pub(crate) all: Vec<Action>,
}

/// One variant and what its action says.
pub(crate) struct Action {
    pub(crate) variant: Variant,
    pub(crate) name: String,
    pub(crate) category: Option<LitStr>,
    pub(crate) severity: Option<Ident>,
    pub(crate) sensitivity: Option<Ident>,
    /// The setters that mark it.
    pub(crate) marks: Vec<&'static str>,
}

impl Actions {
    /// Reads and checks the item. Where there were errors, what could be read is not to be used.
    pub(crate) fn read(item: &DeriveInput, errors: &mut Errors) -> Self {
        match &item.data {
            Data::Enum(data) => Self::of(item, data, errors),
            Data::Struct(data) => refuse(data.struct_token, errors),
            Data::Union(data) => refuse(data.union_token, errors),
        }
    }

    fn of(item: &DeriveInput, data: &DataEnum, errors: &mut Errors) -> Self {
        let defaults = Given::read(&item.attrs, &ON_ENUM, errors);
        if data.variants.is_empty() {
            errors.at(&item.ident, "this enum has no action: add a variant for each");
        }
        let mut all: Vec<Action> = Vec::new();
        for variant in &data.variants {
            let given = Given::read(&variant.attrs, &ON_VARIANT, errors);
            for field in &variant.fields {
                for attribute in field.attrs.iter().filter(|attribute| is_ours(attribute)) {
                    let message = "the data of a variant is no part of its action: remove this";
                    errors.at(attribute, message);
                }
            }
            let Some(name) = name(variant, &given, &defaults, errors) else {
                continue;
            };
            if let Some(first) = all.iter().find(|action| action.name == name) {
                let first = &first.variant.ident;
                let message = format!(
                    "the action `{name}` is that of `{first}` already: give this variant another \
                     `#[audit(name = \"..\")]`"
                );
                errors.at(place(variant, &given), message);
                continue;
            }
            all.push(Action {
                variant: variant.clone(),
                name,
                category: given.category.or_else(|| defaults.category.clone()),
                severity: given.severity.or_else(|| defaults.severity.clone()),
                sensitivity: given.sensitivity.or_else(|| defaults.sensitivity.clone()),
                marks: given.marks,
            });
        }
        Self { core: defaults.core, all }
    }
}

/// The whole name of a variant's action, if it is a good one.
fn name(variant: &Variant, given: &Given, defaults: &Given, errors: &mut Errors) -> Option<String> {
    if given.has_bad_name() {
        return None;
    }
    let part = match &given.name {
        Some(name) => name.value(),
        None => variant.ident.unraw().to_string().to_snake_case(),
    };
    let name = match &defaults.prefix {
        Some(prefix) => format!("{}.{part}", prefix.value()),
        None => part.clone(),
    };
    // Behind a prefix that is no good, nobody knows what the whole name is to be.
    let whole = if defaults.has_bad_prefix() { Ok(()) } else { check_action(&name) };
    match check_part(&part).and(whole) {
        Ok(()) => Some(name),
        Err(message) if given.name.is_some() => {
            errors.at(place(variant, given), message);
            None
        }
        Err(message) => {
            let message = format!("{message}; or write `#[audit(name = \"..\")]` on this variant");
            errors.at(&variant.ident, message);
            None
        }
    }
}

/// Where the name of a variant's action comes from.
fn place<'a>(variant: &'a Variant, given: &'a Given) -> &'a dyn ToTokens {
    match &given.name {
        Some(name) => name,
        None => &variant.ident,
    }
}

fn refuse(keyword: impl ToTokens, errors: &mut Errors) -> Actions {
    let message = "`#[derive(AuditAction)]` belongs on an enum: make each action a variant of one";
    errors.at(keyword, message);
    Actions { core: None, all: Vec::new() }
}
