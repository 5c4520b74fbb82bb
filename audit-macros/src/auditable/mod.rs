//! The derive `#[derive(Auditable)]`: the type is read, checked as a whole, and expanded.

mod attributes;
mod expand;
mod item;
mod parts;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use self::item::Item;
use crate::diagnostics::Errors;

/// Gives the implementations for a type, or all that is wrong with its attributes.
pub(crate) fn auditable(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let item = match syn::parse2(item) {
        Ok(input) => Item::read(input, &mut errors),
        Err(error) => {
            errors.push(error);
            None
        }
    };
    match (item, errors.into_compile_errors()) {
        (Some(item), None) => expand::expand(&item),
        (_, errors) => errors.into_iter().collect(),
    }
}
