//! The type below the derive, checked.

use std::collections::BTreeSet;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Generics, Ident, LitStr, Member, Path, Type};

use super::attributes::{On, Word, Words};
use crate::diagnostics::Errors;

/// A type whose attributes fit together.
pub(crate) struct Item {
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    /// Where `audit_core` is, if the user says so.
    pub(crate) path: Option<Path>,
    /// The resource's type, and the field with its id.
    pub(crate) resource: Option<(LitStr, Field)>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Struct(Shape),
    Enum(Vec<Variant>),
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) name: LitStr,
    pub(crate) shape: Shape,
}

/// What the fields become.
pub(crate) enum Shape {
    /// Nothing to say but that it is there.
    Unit,
    /// The value of the one field.
    Newtype(Box<Field>),
    /// An array.
    Tuple(Vec<Field>),
    /// An object.
    Named(Vec<Field>),
}

#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// The name in the object.
    pub(crate) name: LitStr,
    pub(crate) kept: Kept,
}

/// What becomes of a field's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Clear,
    Personal,
    Flattened,
    TakenOut,
    Skipped,
}

impl Item {
    /// Reads the type. `None` means that it cannot be audited.
    pub(crate) fn read(input: DeriveInput, errors: &mut Errors) -> Option<Self> {
        let words = Words::read(&input.attrs, On::Type, errors);
        let mut ids = Vec::new();
        let body = match input.data {
            Data::Struct(data) => Body::Struct(Shape::read(data.fields, &mut ids, errors)),
            Data::Enum(data) => {
                if let Some(resource) = words.given(Word::Resource) {
                    errors.at(
                        resource,
                        "an enum is only a value within a resource: remove `resource`, or put the \
                         enum into a struct",
                    );
                }
                let variants = data.variants.into_iter();
                let variants: Vec<_> =
                    variants.map(|variant| Variant::read(variant, &mut ids, errors)).collect();
                check_names(variants.iter().map(|variant| &variant.name), "variants", errors);
                Body::Enum(variants)
            }
            Data::Union(data) => {
                errors.at(
                    data.union_token,
                    "the fields of a union cannot be read: use a struct or an enum",
                );
                return None;
            }
        };
        for (word, _) in ids.iter().skip(1) {
            errors.at(word, "`id` is given twice: a resource has one id, remove the others");
        }
        let resource = match (words.given(Word::Resource), ids.into_iter().next()) {
            (Some(_), Some((_, field))) => words.resource.map(|resource| (resource, field)),
            (Some(resource), None) => {
                if matches!(body, Body::Struct(_)) {
                    errors.at(
                        resource,
                        format!(
                            "the resource `{}` has no id: write `#[audit(id)]` on the field with it",
                            input.ident
                        ),
                    );
                }
                None
            }
            (None, Some((word, _))) => {
                let fix = match body {
                    Body::Struct(_) => "add `#[audit(resource = \"..\")]` to the type",
                    Body::Enum(_) => "an enum is none, remove it",
                };
                errors.at(word, format!("`id` is for a resource: {fix}"));
                None
            }
            (None, None) => None,
        };
        let Words { path, .. } = words;
        Some(Self { name: input.ident, generics: input.generics, path, resource, body })
    }
}

impl Variant {
    fn read(variant: syn::Variant, ids: &mut Vec<(Ident, Field)>, errors: &mut Errors) -> Self {
        let words = Words::read(&variant.attrs, On::Variant, errors);
        let name = words.rename.unwrap_or_else(|| text(&variant.ident));
        let shape = Shape::read(variant.fields, ids, errors);
        Self { ident: variant.ident, name, shape }
    }
}

impl Shape {
    fn read(fields: Fields, ids: &mut Vec<(Ident, Field)>, errors: &mut Errors) -> Self {
        let named = matches!(fields, Fields::Named(_));
        if matches!(fields, Fields::Unit) {
            return Self::Unit;
        }
        let members: Vec<_> = fields.members().collect();
        let fields = members.into_iter().zip(fields);
        let mut fields: Vec<_> =
            fields.map(|(member, field)| Field::read(member, field, ids, errors)).collect();
        if named {
            let own = |field: &&Field| !matches!(field.kept, Kept::Skipped | Kept::Flattened);
            check_names(fields.iter().filter(own).map(|field| &field.name), "fields", errors);
            return Self::Named(fields);
        }
        match fields.pop() {
            Some(field) if fields.is_empty() => Self::Newtype(field.into()),
            last => {
                fields.extend(last);
                Self::Tuple(fields)
            }
        }
    }
}

impl Field {
    fn read(
        member: Member,
        field: syn::Field,
        ids: &mut Vec<(Ident, Self)>,
        errors: &mut Errors,
    ) -> Self {
        let words = Words::read(&field.attrs, On::Field, errors);
        let name = match &member {
            Member::Named(ident) => text(ident),
            Member::Unnamed(_) => {
                for word in [Word::Rename, Word::Flatten] {
                    if let Some(ident) = words.given(word) {
                        errors.at(
                            ident,
                            format!("the fields of a tuple have no names: remove `{ident}`"),
                        );
                    }
                }
                LitStr::new("", Span::call_site())
            }
        };
        let kinds = [
            (Word::Skip, Kept::Skipped),
            (Word::Redact, Kept::TakenOut),
            (Word::Personal, Kept::Personal),
            (Word::Flatten, Kept::Flattened),
        ];
        let kept = kinds.iter().find(|(word, _)| words.given(*word).is_some());
        let id = words.given(Word::Id).cloned();
        let field = Self {
            member,
            ty: field.ty,
            name: words.rename.unwrap_or(name),
            kept: kept.map_or(Kept::Clear, |(_, kept)| *kept),
        };
        ids.extend(id.map(|word| (word, field.clone())));
        field
    }
}

/// Two that would hide each other.
fn check_names<'a>(names: impl Iterator<Item = &'a LitStr>, what: &str, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.value()) {
            let text = name.value();
            errors.at(name, format!("two {what} have the name `{text}`: rename one"));
        }
    }
}

fn text(ident: &Ident) -> LitStr {
    LitStr::new(&ident.unraw().to_string(), ident.span())
}
