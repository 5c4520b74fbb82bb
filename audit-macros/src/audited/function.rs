//! The function below the attribute.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Ident, Pat, ReturnType, Signature, Type, Visibility, braced, token};

use crate::diagnostics::Errors;

/// A function with a body. Only its head is parsed: the body's tokens go to the compiler untouched,
/// so that its errors are the compiler's own.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) brace: token::Brace,
    /// The `#![..]` at the beginning of the body, where they must stay.
    pub(crate) inner_attributes: Vec<Attribute>,
    pub(crate) statements: TokenStream,
}

impl Function {
    /// Reads the annotated item. `None` means that it is no function with a body.
    pub(crate) fn read(item: TokenStream, errors: &mut Errors) -> Option<Self> {
        match syn::parse2::<Self>(item) {
            Ok(function) => {
                if function.signature.asyncness.is_none() {
                    errors.at(
                        function.signature.fn_token,
                        "`#[audited]` supports only `async fn`: make this function async, or move \
                         its work into an `async fn` and annotate that one",
                    );
                }
                Some(function)
            }
            Err(error) => {
                errors.push(syn::Error::new(
                    error.span(),
                    format!("`#[audited]` belongs on an `async fn` with a body: {error}"),
                ));
                None
            }
        }
    }

    /// Whether the return type is `!`.
    pub(crate) fn never_returns(&self) -> bool {
        matches!(&self.signature.output, ReturnType::Type(_, output) if matches!(**output, Type::Never(_)))
    }

    /// Whether there is a parameter of this name that is a `&mut`.
    pub(crate) fn borrows_mutably(&self, name: &Ident) -> bool {
        self.signature.inputs.iter().any(|input| match input {
            FnArg::Typed(input) => {
                matches!(&*input.pat, Pat::Ident(pat) if pat.ident == *name && pat.by_ref.is_none())
                    && matches!(&*input.ty, Type::Reference(ty) if ty.mutability.is_some())
            }
            FnArg::Receiver(_) => false,
        })
    }

    /// Where the return type stands, or would have to, if the function returns nothing or never.
    pub(crate) fn returns_nothing(&self) -> Option<Span> {
        match &self.signature.output {
            ReturnType::Default => Some(self.signature.paren_token.span.close()),
            ReturnType::Type(_, output) => match &**output {
                Type::Tuple(unit) if unit.elems.is_empty() => Some(unit.paren_token.span.join()),
                Type::Never(never) => Some(never.bang_token.span),
                _ => None,
            },
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let body;
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            brace: braced!(body in input),
            inner_attributes: body.call(Attribute::parse_inner)?,
            statements: body.parse()?,
        })
    }
}
