//! What the compiler gets beside the type.
//!
//! All local names are hygienic, and all paths begin with `::`, or are the user's own path to the crate.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{LitStr, Member, Type};

use super::item::{Body, Field, Item, Kept, Shape, Variant};
use super::parts::parts;

/// Implements `AuditValue`, and `Auditable` for a resource.
pub(crate) fn expand(item: &Item) -> TokenStream {
    let Item { name, generics, path, resource, body } = item;
    let private = Private(match path {
        Some(path) => quote!(#path::__private),
        None => quote!(::audit_core::__private),
    });
    let at = &private.0;
    let (impl_generics, type_generics, bounds) = generics.split_for_impl();

    let value = match body {
        Body::Struct(shape) => {
            let field = |field: &Field| {
                let member = &field.member;
                quote_spanned!(here()=> &self.#member)
            };
            private.shape(shape, &field)
        }
        Body::Enum(variants) => private.variants(variants),
    };
    let value = quote_spanned! {here()=>
        #[automatically_derived]
        impl #impl_generics #at::AuditValue for #name #type_generics #bounds {
            fn audit_value(&self) -> #at::Snapshot {
                #value
            }
        }
    };
    let ruled = quote_spanned! {here()=>
        #[automatically_derived]
        impl #impl_generics #at::snapshot::Ruled for #name #type_generics #bounds {}
    };
    let resource = resource.as_ref().map(|(kind, id)| {
        let member = &id.member;
        let text = quote_spanned!(place(&id.ty)=> #at::text(&self.#member));
        quote_spanned! {here()=>
            #[automatically_derived]
            impl #impl_generics #at::Auditable for #name #type_generics #bounds {
                fn resource(&self) -> #at::Resource {
                    #at::Resource::new(#kind, #text)
                }

                fn snapshot(&self) -> #at::Snapshot {
                    #at::AuditValue::audit_value(self)
                }
            }
        }
    });
    quote!(#value #ruled #resource)
}

/// The path to what generated code may name.
struct Private(TokenStream);

/// How a field is borrowed.
type Access<'a> = &'a dyn Fn(&Field) -> TokenStream;

impl Private {
    /// An expression of what the fields say.
    fn shape(&self, shape: &Shape, access: Access<'_>) -> TokenStream {
        let Self(at) = self;
        let items = |fields: &[Field]| {
            let kept = fields.iter().filter(|field| field.kept != Kept::Skipped);
            let items: Vec<_> = kept.map(|field| self.field(field, access)).collect();
            quote_spanned!(here()=> #at::snapshot::array([#(#items),*]))
        };
        match shape {
            Shape::Unit => self.null(),
            Shape::Newtype(field) if field.kept == Kept::Skipped => self.null(),
            Shape::Newtype(field) => self.field(field, access),
            Shape::Tuple(fields) => items(fields),
            Shape::Named(fields) => {
                let members: Vec<_> =
                    fields.iter().filter_map(|field| self.member(field, access)).collect();
                let changes = (!members.is_empty()).then(|| quote_spanned!(here()=> mut));
                quote_spanned! {here()=>
                    let #changes __audit_members = #at::snapshot::object();
                    #(#members)*
                    ::core::convert::Into::into(__audit_members)
                }
            }
        }
    }

    fn null(&self) -> TokenStream {
        let Self(at) = self;
        quote_spanned!(here()=> #at::AuditValue::audit_value(&()))
    }

    /// A statement that adds a field to the object.
    fn member(&self, field: &Field, access: Access<'_>) -> Option<TokenStream> {
        let Self(at) = self;
        let add = match field.kept {
            Kept::Skipped => return None,
            Kept::Flattened => quote!(flatten),
            Kept::Clear | Kept::Personal | Kept::TakenOut => quote!(member),
        };
        let (name, value) = (&field.name, self.field(field, access));
        Some(quote_spanned!(here()=> #at::snapshot::#add(&mut __audit_members, #name, #value);))
    }

    /// An expression of a field's value. Which trait gives it is for method resolution to find.
    fn field(&self, field: &Field, access: Access<'_>) -> TokenStream {
        let Self(at) = self;
        let value = access(field);
        let place = place(&field.ty);
        if field.kept == Kept::TakenOut {
            return quote_spanned! {here()=>
                {
                    use #at::snapshot::asked::*;
                    (&&&&#at::snapshot::Secret(#value)).audit_taken_out()
                }
            };
        }
        let rules = parts(&field.ty).into_iter().fold(quote!(()), |rules, part| {
            quote_spanned!(here()=> ((&&#at::snapshot::Part::<#part>::NEW).audit_rules(), #rules))
        });
        let value =
            quote_spanned!(place=> (&&&#at::snapshot::Field(#value, #rules)).audit_snapshot());
        let value = quote_spanned!(here()=> { use #at::snapshot::asked::*; #value });
        match field.kept {
            Kept::Personal => quote_spanned!(here()=> #at::snapshot::personal(#value)),
            _ => value,
        }
    }

    fn variants(&self, variants: &[Variant]) -> TokenStream {
        if variants.is_empty() {
            return quote_spanned!(here()=> match *self {});
        }
        let arms = variants.iter().map(|variant| self.variant(variant));
        quote_spanned!(here()=> match self { #(#arms)* })
    }

    /// A unit variant is its name; any other is an object with its name as the only member.
    fn variant(&self, variant: &Variant) -> TokenStream {
        let Self(at) = self;
        let Variant { ident, name, shape } = variant;
        let bindings = match shape {
            Shape::Unit => TokenStream::new(),
            Shape::Newtype(field) => pattern(std::slice::from_ref(&**field)),
            Shape::Tuple(fields) | Shape::Named(fields) => pattern(fields),
        };
        let said = match shape {
            Shape::Unit => self.text(name),
            _ => {
                let value = self.shape(shape, &|field| binding(&field.member).into_token_stream());
                quote_spanned!(here()=> #at::snapshot::tagged(#name, { #value }))
            }
        };
        quote_spanned!(here()=> Self::#ident #bindings => #said,)
    }

    fn text(&self, name: &LitStr) -> TokenStream {
        let Self(at) = self;
        quote_spanned!(here()=> #at::AuditValue::audit_value(#name))
    }
}

/// Binds the fields that are kept, also those of a tuple, by their members.
fn pattern(fields: &[Field]) -> TokenStream {
    let kept = fields.iter().filter(|field| field.kept != Kept::Skipped);
    let bound = kept.map(|field| {
        let (member, binding) = (&field.member, binding(&field.member));
        quote_spanned!(here()=> #member: #binding,)
    });
    quote_spanned!(here()=> { #(#bound)* .. })
}

fn binding(member: &Member) -> syn::Ident {
    match member {
        Member::Named(ident) => format_ident!("__audit_{}", ident, span = here()),
        Member::Unnamed(index) => format_ident!("__audit_{}", index.index, span = here()),
    }
}

/// The place of a field's type with the hygiene of generated tokens.
fn place(ty: &Type) -> Span {
    ty.span().resolved_at(here())
}

/// The place of the derive. Local names made here are invisible to the user's code.
fn here() -> Span {
    Span::mixed_site()
}
