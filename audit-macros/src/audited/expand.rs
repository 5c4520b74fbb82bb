//! What the compiler gets in place of the annotated function.
//!
//! All local names are hygienic: the user's code does not see them, and they hide none of its own.
//! Methods are called by their full path where they can be, or a trait of the user's could step in.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Type};

use super::args::{Args, Constant, ConstantValue, Fact, FactValue, Recorded};
use super::function::{Function, Kind};
use super::parameters::moved;

/// Wraps the body of the function into an event that begins before it and is finished after it.
pub(crate) fn expand(args: &Args, function: &Function) -> TokenStream {
    let Function { attributes, visibility, signature, inner_attributes, .. } = function;
    let (signature, taken) = moved(signature, &args.tokens);
    let core = match &args.core {
        Some(core) => quote!(#core::__private),
        None => quote!(::audit_core::__private),
    };
    let expansion = Expansion { core: core_at(core, here()), args, function, taken };
    let site = expansion.site();
    let facts = expansion.facts();
    let rest = match &function.kind {
        Kind::Async | Kind::Sync => expansion.operation(),
        Kind::ReturnsFuture { is_boxed, .. } => expansion.future(*is_boxed),
    };

    let mut audited = quote!(#(#attributes)* #visibility #signature);
    function.brace.surround(&mut audited, |block| {
        block.extend(quote!(#(#inner_attributes)* #site #facts #rest));
    });
    audited
}

struct Expansion<'a> {
    core: TokenStream,
    args: &'a Args,
    function: &'a Function,
    /// How the body takes over the parameters.
    taken: TokenStream,
}

impl Expansion<'_> {
    /// The path of what is there for generated code, as standing at a place: errors about what follows it are
    /// shown from its first token on.
    fn core(&self, place: Span) -> TokenStream {
        core_at(self.core.clone(), place)
    }

    /// The facts that are the same for each call.
    fn site(&self) -> TokenStream {
        let core = &self.core;
        let of_site = self.args.given.of_site.iter().map(|constant| self.constant(constant));
        let checked = match self.args.action {
            Expr::Path(_) => None,
            _ => Some(quote_spanned!(here()=> .action_checked())),
        };
        quote_spanned! {here()=>
            static __AUDIT_SITE: #core::Site =
                #core::Site::new(::core::file!(), ::core::line!()) #checked #(#of_site)*;
        }
    }

    /// The action. A path may name what only the function knows: `Self::APPROVE`.
    fn action(&self) -> TokenStream {
        let core = &self.core;
        let action = match &self.args.action {
            Expr::Path(path) => {
                let core = self.core(at(path));
                quote_spanned!(at(path)=> #core::action(#path))
            }
            name => quote_spanned!(here()=> #core::Action::new(#name)),
        };
        let of_action = self.args.given.of_action.iter().map(|constant| self.constant(constant));
        quote_spanned!(here()=> #action #(#of_action)*)
    }

    fn constant(&self, constant: &Constant) -> TokenStream {
        let core = &self.core;
        let setter = Ident::new(constant.setter, here());
        match &constant.value {
            ConstantValue::Text(text) => quote_spanned!(here()=> .#setter(#text)),
            ConstantValue::Variant(kind, variant) => {
                let kind = Ident::new(kind, here());
                quote_spanned!(here()=> .#setter(#core::#kind::#variant))
            }
            ConstantValue::Nothing => quote_spanned!(here()=> .#setter()),
        }
    }

    /// What this call says before its body. The expressions stand in a closure: they cannot leave the function
    /// before the event has begun, and nothing that they borrow is held while waiting.
    fn facts(&self) -> TokenStream {
        let core = &self.core;
        let given = &self.args.given;
        let action = self.action();
        if given.of_call.is_empty() && given.recorder.is_none() && given.skip_if.is_none() {
            return quote_spanned! {here()=>
                let __audit_facts = #core::Site::facts(&__AUDIT_SITE, #action);
            };
        }
        let skip = given.skip_if.as_ref().map(|condition| {
            let is = quote_spanned!(at(condition)=> let __audit_is_skipped: bool = #condition;);
            quote_spanned! {here()=>
                #is
                if __audit_is_skipped {
                    return #core::Facts::skip(__audit_facts);
                }
            }
        });
        let recorder = given.recorder.as_ref().map(|recorder| {
            let core = self.core(at(recorder));
            quote_spanned!(at(recorder)=> #core::Facts::recorder(__audit_facts, &(#recorder));)
        });
        let facts = given.of_call.iter().map(|Fact { setter, name, value }| {
            let setter = Ident::new(setter, here());
            let name = name.iter();
            match value {
                FactValue::Expr(value) => {
                    let core = self.core(at(value));
                    quote_spanned!(at(value)=> #core::Facts::#setter(__audit_facts, #(#name,)* &(#value));)
                }
                FactValue::Looked(value) => {
                    let core = self.core(at(value));
                    // A value with rules of its own is seen by these, and any other by `serde`.
                    let seen = quote_spanned! {at(value)=>
                        (&&&#core::snapshot::Field(__audit_value, ())).audit_snapshot()
                    };
                    quote_spanned!(here()=> match &(#value) {
                        __audit_value => {
                            use #core::snapshot::asked::*;
                            #core::Facts::#setter(__audit_facts, #(#name,)* &#seen);
                        }
                    })
                }
                FactValue::Format(text) => {
                    quote_spanned!(here()=> #core::Facts::#setter(__audit_facts, &::core::format_args!(#text));)
                }
            }
        });
        quote_spanned! {here()=>
            let __audit_facts = #core::Site::facts_with(&__AUDIT_SITE, #action, &mut |__audit_facts| {
                #recorder
                #skip
                #(#facts)*
            });
        }
    }

    /// Begins the event, runs the operation, and finishes the event.
    fn operation(&self) -> TokenStream {
        let run = match self.function.kind {
            Kind::Sync => self.run_now(),
            Kind::Async | Kind::ReturnsFuture { .. } => self.run(),
        };
        if self.function.never_returns() {
            return run;
        }
        let finish = self.finish();
        quote_spanned!(here()=> #run #finish)
    }

    /// What the function does by itself; and then a future of ours around the one that it gives away. Where nothing may
    /// be done before the event has begun, that is part of our future, too.
    fn future(&self, is_boxed: bool) -> TokenStream {
        let core = &self.core;
        let operation = self.operation();
        let future = quote_spanned!(here()=> async move { #operation });
        let future = match is_boxed {
            true => quote_spanned!(here()=> #core::Box::pin(#future)),
            false => future,
        };
        let maker = self.maker();
        match self.args.given.recorded {
            Recorded::Buffered => quote_spanned! {here()=>
                let (__audit_facts, __audit_future) =
                    #core::Facts::before_its_future(__audit_facts, #maker);
                #future
            },
            _ => quote_spanned! {here()=>
                let __audit_maker = #core::once(#maker);
                #future
            },
        }
    }

    /// What makes the future that the function gives away.
    fn maker(&self) -> TokenStream {
        let Function { statements, signature, .. } = self.function;
        let taken = &self.taken;
        let returned = match (&self.function.kind, &signature.output) {
            (Kind::ReturnsFuture { is_boxed: true, .. }, output)
                if !has_opaque(output.to_token_stream()) =>
            {
                output.to_token_stream()
            }
            _ => TokenStream::new(),
        };
        quote_spanned!(self.body_place()=> move || #returned { #taken #statements })
    }

    /// Takes the event's place in the queue; a durable function does not run if there is none.
    fn begin(&self) -> TokenStream {
        let core = &self.core;
        let begin = match self.args.given.recorded {
            Recorded::Buffered => {
                return quote_spanned!(here()=> #core::Facts::begin(__audit_facts).await);
            }
            Recorded::Durable => quote!(begin_durable),
            Recorded::Strict => quote!(begin_strict),
            Recorded::InTransaction(_) => quote!(begin_in_transaction),
        };
        let not_recorded = self.not_recorded();
        quote_spanned! {here()=>
            match #core::Facts::#begin(__audit_facts).await {
                ::core::result::Result::Ok(__audit) => __audit,
                ::core::result::Result::Err(__audit_error) => return #not_recorded,
            }
        }
    }

    /// Runs the body of a function that is not async.
    fn run_now(&self) -> TokenStream {
        let core = &self.core;
        let Function { statements, .. } = self.function;
        let taken = &self.taken;
        let (learn_type, tell_type) = self.types();
        let body = quote_spanned!(self.body_place()=> move || { #tell_type #taken #statements });
        let run = quote_spanned!(here()=> { #learn_type #core::Call::run(&mut __audit, #body) });
        let output = match self.function.never_returns() {
            true => run,
            false => quote_spanned!(here()=> let __audit_output = #run;),
        };
        quote_spanned! {here()=>
            let mut __audit = #core::Facts::begin_now(__audit_facts);
            #output
        }
    }

    /// Runs the body, which is dropped with all that it holds before the event is finished.
    fn run(&self) -> TokenStream {
        let Function { statements, .. } = self.function;
        let taken = &self.taken;
        let begin = self.begin();
        let (learn_type, tell_type) = self.types();
        // There is no inner block around the statements, or the user is warned of needless braces.
        let place = self.body_place();
        let body = match &self.function.kind {
            Kind::ReturnsFuture { .. } => match self.args.given.recorded {
                Recorded::Buffered => quote_spanned!(here()=> __audit_future),
                _ => quote_spanned!(place=> async move { __audit_maker().await }),
            },
            Kind::Async | Kind::Sync => {
                quote_spanned!(place=> async move { #tell_type #taken #statements })
            }
        };

        // The body takes what it uses with it; the transaction it gets on loan, as it is needed afterwards.
        let lend = match &self.args.given.recorded {
            Recorded::InTransaction(transaction) => quote!(let #transaction = &mut *#transaction;),
            _ => TokenStream::new(),
        };

        // What a future of another type comes to is told there, too.
        let core = self.core(place);
        let body = quote_spanned!(place=> ::core::pin::pin!(::core::option::Option::Some(#body)));
        let run = quote_spanned!(place=> #core::Run::new(__audit, __audit_body).await);
        let begun = quote_spanned! {here()=>
            #learn_type
            #lend
            let __audit_body = #body;
            let __audit = #begin;
        };
        if self.function.never_returns() {
            return quote_spanned!(here()=> #begun #run.1);
        }
        let typed = self.output_type().map(|output| {
            let untyped = quote_spanned!(place=> __audit_output);
            quote_spanned!(here()=> let __audit_output: #output = #untyped;)
        });
        quote_spanned! {here()=>
            let (mut __audit, __audit_output) = { #begun #run };
            #typed
        }
    }

    /// The type of what an opaque future comes to, which nothing else says before the outcome is asked for. One
    /// that is opaque itself cannot be said.
    fn output_type(&self) -> Option<&Type> {
        match &self.function.kind {
            Kind::ReturnsFuture { output, is_boxed: false }
                if !has_opaque(output.to_token_stream()) =>
            {
                Some(output)
            }
            _ => None,
        }
    }

    /// Two returns that never happen: one before the body, one in it.
    ///
    /// An `async` block cannot be given its type, and if it found it out by itself, each mistake in the
    /// body would be reported on generated code. So the first return learns the type from the function,
    /// and the second tells it to the block. A body that never ends has no end to be mistyped.
    fn types(&self) -> (TokenStream, TokenStream) {
        let core = self.core(self.return_place());
        if self.function.never_returns() {
            return (TokenStream::new(), TokenStream::new());
        }
        let tell = quote_spanned! {self.return_place()=>
            if false {
                if let ::core::option::Option::Some(__audit_output) = #core::never(__audit_type) {
                    return __audit_output;
                }
            }
        };
        let learn = quote_spanned! {here()=>
            let __audit_type = ::core::marker::PhantomData;
            #tell
        };
        match self.function.kind {
            // The future inside has its type already, and only ours is to learn it.
            Kind::ReturnsFuture { .. } => (TokenStream::new(), TokenStream::new()),
            Kind::Async | Kind::Sync => (learn, tell),
        }
    }

    /// Completes the event with what the body returned, and returns it.
    fn finish(&self) -> TokenStream {
        let core = &self.core;
        let given = &self.args.given;
        let resource_id = given.resource_id_from.as_ref().map(|from| {
            let at_type = self.core(self.return_place());
            let id =
                quote_spanned!(self.return_place()=> #at_type::text_from(&__audit_output, #from));
            quote_spanned! {here()=>
                #core::Call::resource_id(&mut __audit, &mut || #id);
            }
        });
        let verdict = match &given.outcome {
            Some(outcome) => {
                let core = self.core(at(outcome));
                quote_spanned!(at(outcome)=> #core::classified(&__audit_output, #outcome))
            }
            None => {
                let verdict = quote_spanned! {self.return_place()=>
                    (&&&&&&&Returned(&__audit_output)).audit_verdict()
                };
                quote_spanned!(here()=> { use #core::returned::*; #verdict })
            }
        };
        let finish = match &given.recorded {
            Recorded::Buffered => None,
            Recorded::Durable | Recorded::Strict => Some(quote_spanned! {here()=>
                #core::Call::finish_durable(__audit, __audit_verdict).await
            }),
            Recorded::InTransaction(transaction) => {
                let lent = quote_spanned!(at(transaction)=> &mut *#transaction);
                Some(quote_spanned! {here()=>
                    #core::Call::finish_in(__audit, __audit_verdict, #lent).await
                })
            }
        };
        let finish = match finish {
            None => quote_spanned! {here()=>
                #core::Call::finish(__audit, __audit_verdict);
                __audit_output
            },
            Some(finish) => {
                let not_recorded = self.not_recorded();
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
            let __audit_verdict = #core::Call::verdict(&mut __audit, &mut || #verdict);
            #finish
        }
    }

    /// The user's error in place of `__audit_error`.
    fn not_recorded(&self) -> TokenStream {
        let core = self.core(self.return_place());
        quote_spanned!(self.return_place()=> #core::not_recorded(__audit_error))
    }

    /// The place of the user's braces, for errors about the body as a whole, but known as generated:
    /// lints about the order of statements must not count ours.
    fn body_place(&self) -> Span {
        self.function.brace.span.join().resolved_at(here())
    }

    /// The place of the return type, where calls stand whose bounds are on it.
    fn return_place(&self) -> Span {
        match self.function.output() {
            None => self.function.signature.paren_token.span.close().resolved_at(here()),
            Some(output) => at(output),
        }
    }
}

fn has_opaque(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_opaque(group.stream()),
        TokenTree::Ident(ident) => ident == "impl",
        _ => false,
    })
}

fn core_at(core: TokenStream, place: Span) -> TokenStream {
    let at_place = |mut token: TokenTree| {
        token.set_span(place);
        token
    };
    core.into_iter().map(at_place).collect()
}

/// The place of the user's tokens with the hygiene of generated ones.
fn at(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(here())
}

/// The place of the attribute. Local names made here are invisible to the user's code.
fn here() -> Span {
    Span::mixed_site()
}
