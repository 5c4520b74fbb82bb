//! What the compiler gets in place of the annotated function.
//!
//! All local names are hygienic: the user's code does not see them, and they hide none of its own.
//! Methods are called by their full path where they can be, or a trait of the user's could step in.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ReturnType;
use syn::spanned::Spanned;

use super::args::{Args, Recorded, ResourceId};
use super::function::Function;

/// Wraps the body of the function into an event that begins before it and is finished after it.
pub(crate) fn expand(args: &Args, function: &Function) -> TokenStream {
    let Function { attributes, visibility, signature, inner_attributes, .. } = function;
    let site = site(args);
    let begin = begin(args, function);
    let run = run(args, function);
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
    let begin = match args.recorded {
        Recorded::Buffered => quote!(begin),
        Recorded::Durable => quote!(begin_durable),
        Recorded::InTransaction(_) => quote!(begin_in_transaction),
    };
    let begin = quote_spanned!(here()=> ::audit_core::__private::#begin(&__AUDIT_SITE, __audit_resource_id).await);
    let begin = match args.recorded {
        Recorded::Buffered => begin,
        Recorded::Durable | Recorded::InTransaction(_) => {
            let not_recorded = not_recorded(function);
            quote_spanned! {here()=>
                match #begin {
                    ::core::result::Result::Ok(__audit) => __audit,
                    ::core::result::Result::Err(__audit_error) => return #not_recorded,
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
fn run(args: &Args, function: &Function) -> TokenStream {
    let statements = &function.statements;
    let (learn_type, tell_type) = types(function);
    // The place of the user's braces, for errors about the body as a whole, but known as generated:
    // lints about the order of statements must not count ours. There is no inner block around the
    // statements, or the user is warned of needless braces.
    let place = function.brace.span.join().resolved_at(here());
    let body = quote_spanned!(place=> async move { #tell_type #statements });

    // The body takes what it uses with it; the transaction it gets on loan, as it is needed afterwards.
    let lend = match &args.recorded {
        Recorded::InTransaction(transaction) => quote!(let #transaction = &mut *#transaction;),
        Recorded::Buffered | Recorded::Durable => TokenStream::new(),
    };

    quote_spanned! {here()=>
        {
            #learn_type
            #lend
            let mut __audit_body = ::core::pin::pin!(#body);
            ::core::future::poll_fn(|__audit_context| {
                ::audit_core::__private::Audited::poll(
                    &mut __audit,
                    ::core::pin::Pin::as_mut(&mut __audit_body),
                    __audit_context,
                )
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
            let id = quote_spanned! {return_place(function)=>
                ::audit_core::__private::text_from(&__audit_output, #from)
            };
            quote_spanned! {here()=>
                if let ::core::option::Option::Some(__audit_resource_id) = #id {
                    ::audit_core::__private::Audited::resource_id(&mut __audit, __audit_resource_id);
                }
            }
        }
        Some(ResourceId::Before(_)) | None => TokenStream::new(),
    };
    let finish = match &args.recorded {
        Recorded::Buffered => None,
        Recorded::Durable => Some(quote_spanned! {here()=>
            ::audit_core::__private::Audited::finish_durable(__audit, __audit_verdict).await
        }),
        Recorded::InTransaction(transaction) => {
            let lent = quote_spanned!(at(transaction)=> &mut *#transaction);
            Some(quote_spanned! {here()=>
                ::audit_core::__private::Audited::finish_in(__audit, __audit_verdict, #lent).await
            })
        }
    };
    let finish = match finish {
        None => quote_spanned! {here()=>
            ::audit_core::__private::Audited::finish(__audit, __audit_verdict);
            __audit_output
        },
        Some(finish) => {
            let not_recorded = not_recorded(function);
            quote_spanned! {here()=>
                match #finish {
                    ::core::result::Result::Ok(()) => __audit_output,
                    ::core::result::Result::Err(__audit_error) => #not_recorded,
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

/// The user's error in place of `__audit_error`.
fn not_recorded(function: &Function) -> TokenStream {
    quote_spanned!(return_place(function)=> ::audit_core::__private::not_recorded(__audit_error))
}

/// The place of the return type, where calls stand whose bounds are on it.
fn return_place(function: &Function) -> Span {
    match &function.signature.output {
        ReturnType::Default => function.signature.paren_token.span.close().resolved_at(here()),
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
