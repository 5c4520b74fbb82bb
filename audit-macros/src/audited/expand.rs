//! What the compiler gets in place of the annotated function.
//!
//! All local names are hygienic: the user's code does not see them, and they hide none of its own.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::ReturnType;

use super::args::{Args, Durability, ResourceId};
use super::function::Function;

/// Wraps the body of the function into an event that begins before it and is finished after it.
pub(crate) fn expand(args: &Args, function: &Function) -> TokenStream {
    let Function {
        attributes,
        visibility,
        signature,
        inner_attributes,
        ..
    } = function;
    let site = site(args);
    let begin = begin(args, function);
    let run = run(function);
    let rest = if function.never_returns() {
        run
    } else {
        let finish = finish(args, function);
        quote_spanned!(here()=> let __audit_output = #run; #finish)
    };

    let mut audited = quote!(#(#attributes)* #visibility #signature);
    function.brace.surround(&mut audited, |block| {
        block.extend(quote!(#(#inner_attributes)* #site #begin #rest));
    });
    audited
}

/// The facts that are the same for each call.
fn site(args: &Args) -> TokenStream {
    let action = &args.action;
    let resource = option(args.resource.as_ref());
    quote_spanned! {here()=>
        static __AUDIT_SITE: ::audit_core::__private::Site = ::audit_core::__private::Site::new(
            #action,
            #resource,
            ::core::concat!(::core::file!(), ":", ::core::line!()),
        );
    }
}

/// Takes the event's place in the queue; a durable function does not run if there is none.
fn begin(args: &Args, function: &Function) -> TokenStream {
    // The expression stands in a closure: it cannot leave the function before the event has begun,
    // and nothing that it borrows is held while waiting.
    let resource_id = option(match &args.resource_id {
        Some(ResourceId::Before(id)) => {
            let text = quote_spanned!(at(id)=> ::audit_core::__private::text(&(#id)));
            Some(quote_spanned!(here()=> (|| #text)()))
        }
        Some(ResourceId::After(_)) | None => None,
    });
    let begin = match args.durability {
        Durability::Buffered => quote_spanned! {here()=>
            ::audit_core::__private::begin(&__AUDIT_SITE, __audit_resource_id).await
        },
        Durability::Durable => {
            let not_recorded = not_recorded(function);
            quote_spanned! {here()=>
                match ::audit_core::__private::begin_durable(&__AUDIT_SITE, __audit_resource_id).await {
                    ::core::result::Result::Ok(__audit) => __audit,
                    ::core::result::Result::Err(__audit_error) => return #not_recorded(__audit_error),
                }
            }
        }
    };
    quote_spanned! {here()=>
        let __audit_resource_id = #resource_id;
        let mut __audit = #begin;
    }
}

/// Runs the body, which is dropped with all that it holds before the event is finished.
fn run(function: &Function) -> TokenStream {
    let statements = &function.statements;
    let (learn_type, tell_type) = types(function);
    // No block of their own around the statements, or the user is warned of needless braces.
    let mut body = Group::new(Delimiter::Brace, quote!(#tell_type #statements));
    // The place of the user's braces, for errors about the body as a whole, but known as generated:
    // lints about the order of statements must not count ours.
    body.set_span(function.brace.span.join().resolved_at(here()));

    quote_spanned! {here()=>
        {
            #learn_type
            let mut __audit_body = ::core::pin::pin!(async move #body);
            ::core::future::poll_fn(|__audit_context| {
                __audit.poll(__audit_body.as_mut(), __audit_context)
            })
            .await
        }
    }
}

/// Two returns that never happen: one before the body, one in it.
///
/// An `async` block cannot be given its type, and if it found it out by itself, each mistake in the
/// body would be reported on generated code. So the first return learns the type from the function,
/// and the second tells it to the block. A body that never ends has no end to be mistyped.
fn types(function: &Function) -> (TokenStream, TokenStream) {
    if function.never_returns() {
        return (TokenStream::new(), TokenStream::new());
    }
    let tell = quote_spanned! {return_place(function)=>
        if let ::core::option::Option::Some(__audit_output) =
            ::audit_core::__private::never(__audit_type)
        {
            return __audit_output;
        }
    };
    let learn = quote_spanned! {here()=>
        let __audit_type = ::core::marker::PhantomData;
        #tell
    };
    (learn, tell)
}

/// Completes the event with what the body returned, and returns it.
fn finish(args: &Args, function: &Function) -> TokenStream {
    let resource_id = match &args.resource_id {
        Some(ResourceId::After(from)) => {
            let text_from = on_return_type("text_from", function);
            quote_spanned! {here()=>
                if let ::core::option::Option::Some(__audit_resource_id) =
                    #text_from(&__audit_output, #from)
                {
                    __audit.resource_id(__audit_resource_id);
                }
            }
        }
        Some(ResourceId::Before(_)) | None => TokenStream::new(),
    };
    let finish = match args.durability {
        Durability::Buffered => quote_spanned! {here()=>
            __audit.finish(__audit_verdict);
            __audit_output
        },
        Durability::Durable => {
            let not_recorded = not_recorded(function);
            quote_spanned! {here()=>
                match __audit.finish_durable(__audit_verdict).await {
                    ::core::result::Result::Ok(()) => __audit_output,
                    ::core::result::Result::Err(__audit_error) => #not_recorded(__audit_error),
                }
            }
        }
    };
    quote_spanned! {here()=>
        #resource_id
        let __audit_verdict = {
            use ::audit_core::__private::returned::*;
            (&&&&&Returned(&__audit_output)).verdict()
        };
        #finish
    }
}

/// The function that makes the user's error.
fn not_recorded(function: &Function) -> TokenStream {
    on_return_type("not_recorded", function)
}

/// A function of ours whose bound is on the return type, and which therefore stands there.
fn on_return_type(name: &str, function: &Function) -> TokenStream {
    let place = return_place(function);
    let name = Ident::new(name, place);
    quote_spanned!(place=> ::audit_core::__private::#name)
}

fn return_place(function: &Function) -> Span {
    match &function.signature.output {
        ReturnType::Default => here(),
        ReturnType::Type(_, output) => at(output),
    }
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote_spanned!(here()=> ::core::option::Option::Some(#value)),
        None => quote_spanned!(here()=> ::core::option::Option::None),
    }
}

/// The place of the user's tokens with the hygiene of generated ones.
fn at(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(here())
}

/// The place of the attribute. Local names made here are invisible to the user's code.
fn here() -> Span {
    Span::mixed_site()
}
