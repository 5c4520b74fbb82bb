//! The attribute `#[audited]`: arguments and function are read, checked together, and expanded.

mod argument;
mod function;
mod parameters;
mod args;
mod expand;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use self::args::Given;
use self::function::Function;
use crate::diagnostics::Errors;

/// Gives the audited function, or the function as it was and all that is wrong with the attribute.
///
/// The function is kept in the second case so that its callers do not fail as well.
pub(crate) fn audited(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let given = Given::read(args, &mut errors);
    let function = Function::read(item.clone(), &mut errors);
    let args = given.check(function.as_ref(), &mut errors);

    match (args, function, errors.into_compile_errors()) {
        (Some(args), Some(function), None) => expand::expand(&args, &function),
        (_, _, errors) => errors.into_iter().chain([item]).collect(),
    }
}
