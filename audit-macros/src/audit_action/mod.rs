//! The derive `AuditAction`: the enum and its attributes are read, checked, and expanded.

mod actions;
mod args;
mod expand;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::actions::Actions;
use crate::diagnostics::Errors;

/// Gives the implementation of `AuditAction`, or all that is wrong with the enum.
pub(crate) fn audit_action(item: TokenStream) -> TokenStream {
    let item: DeriveInput = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let actions = Actions::read(&item, &mut errors);
    match errors.into_compile_errors() {
        None => expand::expand(&item, &actions),
        Some(errors) => [errors, expand::stand_in(&item)].into_iter().collect(),
    }
}
