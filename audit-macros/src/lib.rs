//! The attribute [`#[audited]`](macro@audited) of `audit-core`.
//!
//! `audit-core` re-exports it, and the generated code names that crate: depend on it, not on this
//! one.

mod auditable;
mod audited;
mod diagnostics;

use proc_macro::TokenStream;

/// Records each call of an `async fn` as one event of the audit log.
///
/// The event begins before the body runs and is there whatever becomes of it:
///
/// | the body | the event's outcome |
/// |---|---|
/// | returns `Err` | failure, with the error's text and that of its sources |
/// | returns anything else | success |
/// | panics | failure; the panic goes on |
/// | is dropped before its end | cancelled |
///
/// The outermost audited function of a request under an `AuditLayer` is recorded with the request's
/// status, which has the last word: 401 and 403 are denied, other 4xx and 5xx failures.
///
/// What the function returns, its errors and its panics pass through unchanged. Nothing is recorded
/// of the arguments and the result but what the attribute names.
///
/// ```
/// # struct AppError;
/// # #[derive(serde::Deserialize)] struct Approve { note: String }
/// # #[derive(serde::Serialize)] struct Invoice { id: u64 }
/// use audit_core::audited;
/// use axum::extract::{Json, Path};
///
/// #[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
/// async fn approve(
///     Path(id): Path<u64>,
///     Json(body): Json<Approve>,
/// ) -> Result<Json<Invoice>, AppError> {
///     // ..
/// #   if body.note.is_empty() { return Err(AppError); }
/// #   Ok(Json(Invoice { id }))
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | meaning |
/// |---|---|---|
/// | `action` | string literal, required | what is done, as `invoice.approve`: at most 128 bytes; names that begin with `audit` and a dot are the log's own |
/// | `resource` | string literal | the type of what it is done to, as `invoice`: at most 64 bytes |
/// | `resource_id` | expression | the id of the resource, known before the body runs |
/// | `resource_id_from` | closure or path of a function | the id of the resource, taken from the value in `Ok` |
/// | `durability` | `buffered` (default) or `durable` | when the caller gets its answer |
/// | `transaction` | name of a parameter `&mut ..` | the connection or transaction of the caller's that the event goes into |
///
/// Names consist of parts separated by dots; each part is a lower-case letter and then lower-case
/// letters, digits or `_`.
///
/// ## `resource_id`
///
/// The expression can use all arguments of the function, `self` too, and only borrows them. Its
/// value is turned into text by `Display`. It can neither wait nor leave the function: `.await` and
/// `?` do not compile in it.
///
/// ```
/// # use audit_core::audited;
/// struct Invoice {
///     id: u64,
/// }
///
/// impl Invoice {
///     #[audited(action = "invoice.pay", resource = "invoice", resource_id = self.id)]
///     async fn pay(self) -> Result<(), String> {
///         // ..
/// #       Ok(())
///     }
/// }
/// ```
///
/// ## `resource_id_from`
///
/// For an id that the body makes. The closure gets a reference to the value in `Ok` and returns what
/// is turned into text by `Display`. After an `Err` the resource stays without an id.
///
/// ```
/// # use audit_core::audited;
/// # struct Invoice { id: u64 }
/// #[audited(action = "invoice.create", resource = "invoice", resource_id_from = |made: &Invoice| made.id)]
/// async fn create(customer: &str) -> Result<Invoice, String> {
///     // ..
/// #   Ok(Invoice { id: 1 + u64::from(customer.is_empty()) })
/// }
/// ```
///
/// ## `durability`
///
/// A `buffered` function returns as soon as its event is queued, and is never held up or failed by
/// the log. A `durable` one does not run where its event could not be recorded (`NotRecorded::NotRun`),
/// and returns when its event is committed, or else the error `NotRecorded::RanButUnrecorded`. So it must
/// return `Result<_, E>` where `E: From<NotRecorded>`. Where it is the outermost one under an `AuditLayer`,
/// it returns at once, and the layer holds the answer back until the commit, or answers 503.
///
/// ```
/// use audit_core::{NotRecorded, audited};
///
/// enum AppError {
///     NotRecorded(NotRecorded),
///     // ..
/// }
///
/// impl From<NotRecorded> for AppError {
///     fn from(error: NotRecorded) -> Self {
///         Self::NotRecorded(error)
///     }
/// }
///
/// #[audited(action = "invoice.delete", resource = "invoice", resource_id = id, durability = durable)]
/// async fn delete(id: u64) -> Result<(), AppError> {
///     // ..
/// #   Ok(())
/// }
/// ```
///
/// ## `transaction`
///
/// The event of a call that went well is written into the caller's own transaction, after the body: it is
/// in the log if and only if that transaction commits. The parameter is a `&mut` to sqlx's `PgConnection`,
/// `SqliteConnection` or a `Transaction` of either, and the connection is one to the database in which the
/// recorder's store is. A failure, a panic or a drop is recorded outside of the transaction, as that will be
/// rolled back. Where the event cannot be written, the function returns
/// `NotRecorded::NotInTransaction`, so that the caller rolls back; hence it must return `Result<_, E>` where
/// `E: From<NotRecorded>`. With no recorder at hand it does not run (`NotRecorded::NotRun`).
///
/// ```
/// # #[derive(Debug)] enum AppError { NotRecorded(audit_core::NotRecorded), Database(sqlx::Error) }
/// # impl From<audit_core::NotRecorded> for AppError {
/// #     fn from(error: audit_core::NotRecorded) -> Self { Self::NotRecorded(error) }
/// # }
/// # impl From<sqlx::Error> for AppError { fn from(error: sqlx::Error) -> Self { Self::Database(error) } }
/// use audit_core::audited;
/// use sqlx::{Sqlite, Transaction};
///
/// #[audited(action = "order.place", resource = "order", resource_id = id, transaction = tx)]
/// async fn place(tx: &mut Transaction<'_, Sqlite>, id: i64) -> Result<(), AppError> {
///     sqlx::query("INSERT INTO orders (id) VALUES (?)").bind(id).execute(&mut **tx).await?;
///     Ok(())
/// }
/// ```
///
/// A function that begins and commits its own transaction calls `audit_core::current().record_in(&mut tx)`
/// before it commits, and needs no argument.
///
/// # Where it goes
///
/// On free functions, methods with any `self`, functions of trait implementations and default
/// functions of traits, generic ones, and handlers of axum. Attributes above and below it stay. A
/// function that is not `async` is an error.
///
/// The future is `Send` if it was before, with one exception: a function that is `durable` or has a
/// `transaction` must also return something that is `Send`, as it holds that while it waits for the database.
///
/// All mistakes in one attribute are reported at once.
#[proc_macro_attribute]
pub fn audited(args: TokenStream, item: TokenStream) -> TokenStream {
    audited::audited(args.into(), item.into()).into()
}

/// Says of a type what it is for the audit log: a resource, or a value within one.
#[proc_macro_derive(Auditable, attributes(audit))]
pub fn derive_auditable(item: TokenStream) -> TokenStream {
    auditable::auditable(item.into()).into()
}
