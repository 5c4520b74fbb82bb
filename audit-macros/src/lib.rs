//! The attribute `#[audited]` of `audit-core`, which re-exports it: depend on that crate instead.

mod audited;
mod diagnostics;

use proc_macro::TokenStream;

/// Records each call.
#[proc_macro_attribute]
pub fn audited(args: TokenStream, item: TokenStream) -> TokenStream {
    audited::audited(args.into(), item.into()).into()
}
