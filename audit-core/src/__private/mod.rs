//! What the code that the macros generate names, and the crates beside this one, and nobody else.
//!
//! Not covered by any promise: it changes together with `audit-macros`, whose version is pinned.

pub mod returned;
pub mod snapshot;
mod audited;

use std::fmt::Display;
use std::marker::PhantomData;
use std::pin::pin;

use crate::actions::{answered_call, called};
use crate::context::AuditContext;
use crate::event::{Classify, EventBuilder, shown};
use crate::recorder::{Recorder, Scope, current};

pub use std::boxed::Box;

pub use self::audited::{Facts, Site};
pub use self::returned::Fallible;
pub use crate::event::{
    Action, AuditAction, AuditValue, Auditable, Resource, Sensitivity, Severity, Snapshot, Verdict,
};
pub use crate::recorder::{Call, NotRecorded, Run};

/// An event of the log's own, whose name begins with `audit.`: of what was done to the log, or with it.
pub fn event_of_the_log(action: &'static str) -> EventBuilder {
    EventBuilder::of_the_log(action)
}

/// Runs something as an operation, and gives out what came of it, and the status that this is answered with, when the entry that says so
/// is committed: before anything leaves, however long the answer is. It goes to the recorder of what is around this, or else to this one.
///
/// # Errors
/// [`NotRecorded`], where there is no entry, or nobody knows.
pub async fn committed<F: Future<Output: Classify>>(
    recorder: &Recorder,
    event: EventBuilder,
    future: F,
    status: impl FnOnce(&F::Output) -> u16,
) -> Result<F::Output, NotRecorded> {
    let around = || Scope::new(recorder.clone(), AuditContext::new());
    let body = pin!(Some(future));
    let call = Call::begin_durable(Scope::current().unwrap_or_else(around), event).await?;
    let (call, returned) = Run::new(call, body).await;
    call.finish_here(returned.classify(), status(&returned)).await?;
    Ok(returned)
}

/// The event of a call to another system, as it begins.
pub fn call_event(method: &str, endpoint: &str) -> EventBuilder {
    called(method, endpoint)
}

/// Says of the call to another system within which this runs how it was answered; with nothing, that it was not.
pub fn answered(status: Option<u16>) {
    current().add(|event| answered_call(event, status));
}

/// The id of a resource as text.
pub fn text<T: Display + ?Sized>(id: &T) -> String {
    shown(id)
}

/// The action that a constant or a variant names.
pub fn action(action: impl Into<Action>) -> Action {
    action.into()
}

/// The id of a resource from the success value, if there is one.
///
/// The bound gives a closure its argument's type, and `'a` lets it return a part of the value.
pub fn text_from<'a, R: Fallible, T: Display>(
    returned: &'a R,
    id: impl FnOnce(&'a R::Success) -> T,
) -> Option<String> {
    returned.success().map(|value| text(&id(value)))
}

/// What is called once, as nothing else tells the compiler.
pub fn once<R, F: FnOnce() -> R>(maker: F) -> F {
    maker
}

/// What a function of the user's tells from the returned value.
pub fn classified<R>(returned: &R, classify: impl FnOnce(&R) -> Verdict) -> Verdict {
    classify(returned)
}

/// No value of the function's return type, which the generated code thereby need not name.
pub const fn never<T>(_return_type: PhantomData<fn() -> T>) -> Option<T> {
    None
}

/// What a function returns when its event could not be recorded.
pub fn not_recorded<R: Durable>(error: NotRecorded) -> R {
    R::not_recorded(error)
}

/// A return type that can say that the call was not recorded.
#[diagnostic::on_unimplemented(
    message = "a function that is `durable` or `strict`, or records in a `transaction`, must return `Result<_, E>` \
               where `E: From<audit_core::NotRecorded>`",
    label = "this type cannot say that the call was not recorded",
    note = "write `impl From<audit_core::NotRecorded> for` your error type, or remove `durability` or `transaction`"
)]
pub trait Durable {
    /// The error of a call that was not recorded.
    fn not_recorded(error: NotRecorded) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<NotRecorded>> Durable for Result<T, E> {
    fn not_recorded(error: NotRecorded) -> Self {
        Err(error.into())
    }
}
