//! What the compiler gets beside the enum.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{DeriveInput, Fields, Ident, LitStr};

use super::actions::{Action, Actions};

/// The implementation of `AuditAction`, with one arm for each variant.
pub(crate) fn expand(item: &DeriveInput, actions: &Actions) -> TokenStream {
    let private = match &actions.core {
        Some(core) => quote_spanned!(here()=> #core::__private),
        None => quote_spanned!(here()=> ::audit_core::__private),
    };
    let arms = actions.all.iter().map(|action| arm(action, &private));
    implementation(item, &private, &quote_spanned!(here()=> match self { #(#arms)* }))
}

/// An implementation that never runs, for an enum with mistakes: those who use it do not fail as well.
pub(crate) fn stand_in(item: &DeriveInput) -> TokenStream {
    let private = quote_spanned!(here()=> ::audit_core::__private);
    implementation(item, &private, &quote_spanned!(here()=> #private::Action::new("")))
}

fn implementation(item: &DeriveInput, private: &TokenStream, body: &TokenStream) -> TokenStream {
    let ident = &item.ident;
    let (parameters, arguments, bounds) = item.generics.split_for_impl();
    quote_spanned! {here()=>
        #[automatically_derived]
        impl #parameters #private::AuditAction for #ident #arguments #bounds {
            fn action(&self) -> #private::Action {
                #body
            }
        }
    }
}

fn arm(action: &Action, private: &TokenStream) -> TokenStream {
    let variant = &action.variant.ident;
    let data = match &action.variant.fields {
        Fields::Unit => TokenStream::new(),
        Fields::Unnamed(_) => quote!((..)),
        Fields::Named(_) => quote!({ .. }),
    };
    let name = literal(&action.name);
    let category = action.category.as_ref().map(|text| setter("category", literal(&text.value())));
    let severity = action.severity.as_ref();
    let severity =
        severity.map(|word| setter("severity", quote_spanned!(here()=> #private::Severity::#word)));
    let sensitivity = action.sensitivity.as_ref();
    let sensitivity = sensitivity
        .map(|word| setter("sensitivity", quote_spanned!(here()=> #private::Sensitivity::#word)));
    let alert = action.alert.then(|| setter("alert", TokenStream::new()));
    quote_spanned! {here()=>
        Self::#variant #data => #private::Action::new(#name) #category #severity #sensitivity #alert,
    }
}

fn setter(name: &str, value: impl ToTokens) -> TokenStream {
    let name = Ident::new(name, here());
    quote_spanned!(here()=> .#name(#value))
}

fn literal(text: &str) -> LitStr {
    LitStr::new(text, here())
}

/// The place of the derive, with names of its own.
fn here() -> Span {
    Span::mixed_site()
}
