//! The function below the attribute.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, GenericArgument, Ident, Pat, PathArguments, PathSegment, ReturnType,
    Signature, Type, TypeParamBound, Visibility, braced, parse_quote, token,
};

use crate::diagnostics::Errors;

/// A function with a body. Only its head is parsed: the body's tokens go to the compiler untouched,
/// so that its errors are the compiler's own.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) kind: Kind,
    pub(crate) brace: token::Brace,
    /// The `#![..]` at the beginning of the body, where they must stay.
    pub(crate) inner_attributes: Vec<Attribute>,
    pub(crate) statements: TokenStream,
}

/// How a function comes to its end.
pub(crate) enum Kind {
    /// When its future does.
    Async,
    /// When it returns.
    Sync,
    /// When the future does that it returns. What it does before is not yet the operation.
    ReturnsFuture { output: Box<Type>, is_boxed: bool },
}

impl Function {
    /// Reads the annotated item. `None` means that it is no function with a body.
    pub(crate) fn read(item: TokenStream, errors: &mut Errors) -> Option<Self> {
        match syn::parse2::<Self>(item) {
            Ok(function) => {
                if let Some(keyword) = &function.signature.constness {
                    errors.at(
                        keyword,
                        "a `const fn` can run where nothing is recorded: remove `const`, or annotate its \
                         callers",
                    );
                }
                Some(function)
            }
            Err(error) => {
                errors.push(syn::Error::new(
                    error.span(),
                    format!("`#[audited]` belongs on a function with a body: {error}"),
                ));
                None
            }
        }
    }

    /// What the operation comes to; nothing where that is `()` and not written.
    pub(crate) fn output(&self) -> Option<&Type> {
        match (&self.kind, &self.signature.output) {
            (Kind::ReturnsFuture { output, .. }, _) => Some(output),
            (_, ReturnType::Type(_, output)) => Some(bare(output)),
            (_, ReturnType::Default) => None,
        }
    }

    /// Whether it comes to no end, by its type `!`.
    pub(crate) fn never_returns(&self) -> bool {
        matches!(self.output(), Some(Type::Never(_)))
    }

    /// Whether there is a parameter of this name that is a `&mut`.
    pub(crate) fn borrows_mutably(&self, name: &Ident) -> bool {
        self.signature.inputs.iter().any(|input| match input {
            FnArg::Typed(input) => {
                matches!(&*input.pat, Pat::Ident(pat) if pat.ident == *name && pat.by_ref.is_none())
                    && matches!(bare(&input.ty), Type::Reference(ty) if ty.mutability.is_some())
            }
            FnArg::Receiver(_) => false,
        })
    }

    /// Where the return type stands, or would have to, if the function returns nothing or never.
    pub(crate) fn returns_nothing(&self) -> Option<Span> {
        match self.output() {
            None => Some(self.signature.paren_token.span.close()),
            Some(Type::Tuple(unit)) if unit.elems.is_empty() => Some(unit.paren_token.span.join()),
            Some(Type::Never(never)) => Some(never.bang_token.span),
            Some(_) => None,
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        let kind = match &signature {
            Signature { asyncness: Some(_), .. } => Kind::Async,
            Signature { output: ReturnType::Type(_, returned), .. } => future(returned),
            _ => Kind::Sync,
        };
        let body;
        Ok(Self {
            attributes,
            visibility,
            signature,
            kind,
            brace: braced!(body in input),
            inner_attributes: body.call(Attribute::parse_inner)?,
            statements: body.parse()?,
        })
    }
}

/// The type without parentheses, also the invisible ones in which a `macro_rules!` macro passes it on.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}

/// What a function is that is not `async`, by its return type: `impl Future`, `Pin<Box<dyn Future>>`, and the
/// names that the latter commonly has.
fn future(returned: &Type) -> Kind {
    let kind = |output: Option<Type>, is_boxed| {
        output.map(|output| Kind::ReturnsFuture { output: Box::new(output), is_boxed })
    };
    let future = match bare(returned) {
        Type::ImplTrait(returned) => kind(bound(&returned.bounds), false),
        Type::Path(path) => kind(path.path.segments.last().and_then(boxed), true),
        _ => None,
    };
    future.unwrap_or(Kind::Sync)
}

/// The output of the boxed future that the last segment of a path names.
fn boxed(last: &PathSegment) -> Option<Type> {
    let inner = types(last).last().map(|inner| bare(inner).clone());
    match (&*last.ident.to_string(), inner) {
        // It may be a name of the application's own, for one that comes to a `Result` of the type that it names.
        ("BoxFuture" | "LocalBoxFuture", Some(_)) => Some(parse_quote!(_)),
        ("Pin", Some(Type::Path(inner))) => {
            let inner = inner.path.segments.last().filter(|inner| inner.ident == "Box")?;
            match types(inner).first().map(bare) {
                Some(Type::TraitObject(object)) => bound(&object.bounds),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The output of the `Future<Output = ..>` among the bounds.
fn bound<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> Option<Type> {
    bounds.into_iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return None;
        };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => {
                Some(output.ty.clone())
            }
            _ => None,
        })
    })
}

/// The types between the angle brackets.
fn types(segment: &PathSegment) -> Vec<Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    });
    types.collect()
}
