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
    let patterns = actions.all.iter().map(pattern);
    let each: Vec<_> = actions.all.iter().map(|action| constant(action, &private)).collect();
    let of_value = quote_spanned!(here()=> match self { #(#patterns => #each,)* });
    let all = quote_spanned! {here()=>
        fn actions() -> &'static [#private::Action] {
            const ALL: &[#private::Action] = &[#(#each),*];
            ALL
        }
    };
    implementation(item, &private, &of_value, Some(all))
}

/// An implementation that never runs, for an enum with mistakes: those who use it do not fail as well.
pub(crate) fn stand_in(item: &DeriveInput) -> TokenStream {
    let private = quote_spanned!(here()=> ::audit_core::__private);
    implementation(item, &private, &quote_spanned!(here()=> #private::Action::new("")), None)
}

fn implementation(
    item: &DeriveInput,
    private: &TokenStream,
    of_value: &TokenStream,
    all: Option<TokenStream>,
) -> TokenStream {
    let ident = &item.ident;
    let (parameters, arguments, bounds) = item.generics.split_for_impl();
    quote_spanned! {here()=>
        #[automatically_derived]
        impl #parameters #private::AuditAction for #ident #arguments #bounds {
            fn action(&self) -> #private::Action {
                #of_value
            }

            #all
        }
    }
}

fn pattern(action: &Action) -> TokenStream {
    let variant = &action.variant.ident;
    let data = match &action.variant.fields {
        Fields::Unit => TokenStream::new(),
        Fields::Unnamed(_) => quote!((..)),
        Fields::Named(_) => quote!({ .. }),
    };
    quote_spanned!(here()=> Self::#variant #data)
}

/// The action, as a constant can be made of it.
fn constant(action: &Action, private: &TokenStream) -> TokenStream {
    let name = literal(&action.name);
    let category = action.category.as_ref().map(|text| setter("category", literal(&text.value())));
    let severity = action.severity.as_ref();
    let severity =
        severity.map(|word| setter("severity", quote_spanned!(here()=> #private::Severity::#word)));
    let sensitivity = action.sensitivity.as_ref();
    let sensitivity = sensitivity
        .map(|word| setter("sensitivity", quote_spanned!(here()=> #private::Sensitivity::#word)));
    let marks = action.marks.iter().map(|mark| setter(mark, TokenStream::new()));
    quote_spanned! {here()=>
        #private::Action::new(#name) #category #severity #sensitivity #(#marks)*
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
