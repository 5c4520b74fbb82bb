//! The attribute [`#[audited]`](macro@audited) and the derives [`Auditable`](derive@Auditable) and
//! [`AuditAction`](derive@AuditAction) of `audit-core`.
//!
//! `audit-core` re-exports them, and the generated code names that crate: depend on it, not on this
//! one.

mod arguments;
mod audit_action;
mod auditable;
mod audited;
mod diagnostics;
mod values;

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

/// Makes each variant of an enum an action: a name, and what each of its events says.
///
/// The enum can then begin events, and a name that is misspelt does not compile:
///
/// ```
/// use audit_core::{AuditAction, Event};
///
/// #[derive(AuditAction)]
/// #[audit(prefix = "invoice", category = "billing", severity = info)]
/// enum InvoiceAction {
///     /// `invoice.approve`
///     #[audit(sensitivity = high, alert)]
///     Approve,
///     /// `invoice.paid_in_full`
///     #[audit(name = "paid_in_full", category = "money")]
///     Paid { amount: u64 },
/// }
///
/// let event = Event::builder(InvoiceAction::Approve).resource("invoice", "4711").build()?;
/// assert_eq!(event.action(), "invoice.approve");
/// assert_eq!(InvoiceAction::Paid { amount: 7 }.action().name(), "invoice.paid_in_full");
/// # Ok::<(), audit_core::EventError>(())
/// ```
///
/// Nothing is recorded of the data that a variant holds.
///
/// # Arguments
///
/// All are optional, and stand in `#[audit(..)]`. On the enum:
///
/// | argument | value | meaning |
/// |---|---|---|
/// | `prefix` | string literal | what all names begin with, as `invoice`: at most 126 bytes |
/// | `category` | string literal | as below, for variants that do not give their own |
/// | `severity` | word | the same |
/// | `sensitivity` | word | the same |
/// | `crate` | path | where `audit_core` is found, if not at `::audit_core` |
///
/// On a variant:
///
/// | argument | value | meaning |
/// |---|---|---|
/// | `name` | string literal | the name after the prefix and a dot; by default the variant's own in snake case, as `paid_in_full` of `PaidInFull` |
/// | `category` | string literal | the coarse group of actions that it belongs to: at most 64 bytes |
/// | `severity` | `debug`, `info`, `warning`, `error` or `critical` | how serious it is for those who operate the system |
/// | `sensitivity` | `low`, `medium`, `high` or `critical` | how delicate it is |
/// | `alert` | none | adds the tag `alert` to each event |
///
/// Names consist of parts separated by dots; each part is a lower-case letter and then lower-case
/// letters, digits or `_`. The whole name takes at most 128 bytes, no two variants have the same, and names that
/// begin with `audit` and a dot are the log's own.
///
/// A setter that is called on the event later overrules what its action says. So do a panic and a status of 500 and
/// above, which raise the severity to `error`.
///
/// # Where it goes
///
/// On enums with variants of any shape, generic ones too. `#[audited]` takes no such
/// value: it names its action itself.
///
/// All mistakes in one enum are reported at once.
#[proc_macro_derive(AuditAction, attributes(audit))]
pub fn audit_action(item: TokenStream) -> TokenStream {
    audit_action::audit_action(item.into()).into()
}

/// Says what a type is for the audit log: a resource, or a value within one.
///
/// A resource implements `audit_core::Auditable`, and `EventBuilder::changed`, `created` and `deleted` take it.
/// Every type with this derive implements `audit_core::AuditValue`, and can be a field of another one.
///
/// ```
/// use audit_core::{Auditable, Event, event::Producer};
///
/// #[derive(Auditable, Clone)]
/// #[audit(resource = "invoice")]
/// struct Invoice {
///     #[audit(id)]
///     id: u64,
///     cents: i64,
///     #[audit(personal)]
///     iban: String,
///     #[audit(redact)]
///     token: String,
///     #[audit(skip)]
///     etag: u64,
/// }
///
/// # let (iban, token) = ("DE02120300000000202051".to_owned(), "t0ken".to_owned());
/// let before = Invoice { id: 7, cents: 100, iban, token, etag: 1 };
/// let after = Invoice { cents: 250, token: "an0ther".to_owned(), etag: 2, ..before.clone() };
/// let event = Event::builder("invoice.correct").changed(&before, &after).build()?;
///
/// let bytes = event.encode(&Producer::new("example"), 0).canon;
/// assert!(bytes.contains(r#""changes":[{"after":250,"before":100,"path":"/cents"},{"path":"/token"}]"#));
/// assert!(bytes.contains(r#""redacted":["/changes/1/before","/changes/1/after"]"#));
/// assert!(bytes.contains(r#""resource":{"id":"7","type":"invoice"}"#));
/// # Ok::<(), audit_core::EventError>(())
/// ```
///
/// # On the type
///
/// | word | meaning |
/// |---|---|
/// | `resource = ".."` | the type is a resource of this type, as `invoice`; one field is its `id`. Only on structs |
/// | `crate = path` | where `audit_core` is, if not at `::audit_core` |
///
/// ```
/// mod deps {
///     pub use audit_core as trail;
/// }
///
/// #[derive(deps::trail::Auditable)]
/// #[audit(crate = crate::deps::trail)]
/// struct Line {
///     text: String,
/// }
/// # fn main() { drop(deps::trail::AuditValue::audit_value(&Line { text: String::new() })); }
/// ```
///
/// # On a field
///
/// | word | meaning |
/// |---|---|
/// | `id` | the id of the resource, turned into text by `Display`. It stands in the clear: no e-mail address |
/// | `skip` | the field is left out; its type needs no trait |
/// | `redact` | the value stands nowhere, and the event names the place; its type needs no trait |
/// | `personal` | the value stands in the event as a commitment, and can be erased |
/// | `rename = ".."` | the member's name; also on the variant of an enum |
/// | `flatten` | the members of the value stand among those of this type |
///
/// ## `skip` and `redact`
///
/// What is skipped is as if it were not there. What is redacted is told: its place, and that it changed, as far
/// as `Hash`, `serde::Serialize` or `AuditValue`, whichever its type has first, can tell. A type that has none of
/// them hides its changes too.
///
/// ```
/// # use audit_core::{AuditValue, Auditable};
/// #[derive(Auditable)]
/// struct Login {
///     user: String,
///     #[audit(redact)]
///     password: String,
///     #[audit(skip)]
///     cached: Option<std::time::Instant>,
/// }
///
/// let login = Login { user: "ada".to_owned(), password: "s3cr3t".to_owned(), cached: None };
/// let snapshot = vec![login].audit_value();
/// assert_eq!(snapshot.value().to_string(), r#"[{"user":"ada"}]"#);
/// assert_eq!(snapshot.redacted(), ["/0/password"]);
/// ```
///
/// ## `personal`
///
/// A personal value is one value, whatever is in it: a change of a part of it is a change of all of it.
///
/// ```
/// # use audit_core::{AuditValue, Auditable};
/// #[derive(Auditable)]
/// struct Address {
///     street: String,
/// }
///
/// #[derive(Auditable)]
/// struct Customer {
///     #[audit(personal)]
///     home: Address,
/// }
///
/// let customer = Customer { home: Address { street: "Elm Street".to_owned() } };
/// assert_eq!(customer.audit_value().personal(), ["/home"]);
/// ```
///
/// ## `rename` and `flatten`
///
/// A flattened `None` has no members; what is not an object stands under the field's own name.
///
/// ```
/// # use audit_core::{AuditValue, Auditable};
/// #[derive(Auditable)]
/// struct Price {
///     cents: i64,
///     currency: &'static str,
/// }
///
/// #[derive(Auditable)]
/// struct Item {
///     #[audit(rename = "type")]
///     kind: char,
///     #[audit(flatten)]
///     price: Price,
/// }
///
/// let item = Item { kind: 'b', price: Price { cents: 5, currency: "EUR" } };
/// assert_eq!(item.audit_value().value().to_string(), r#"{"cents":5,"currency":"EUR","type":"b"}"#);
/// ```
///
/// # What becomes of a type
///
/// A struct with names is an object, one without an array, one with a single field without a name is that field's
/// value. In an enum, a variant without fields is its name, any other an object with its name as the only member.
///
/// A field's value is what its type's `AuditValue` says, and otherwise what `serde::Serialize` says. The containers of
/// the standard library are an `AuditValue` where what they hold is one. Where a type that derives `Auditable` would
/// be seen only by `Serialize`, which does not know its rules, the field does not compile; but this cannot be seen
/// through the name of a type that merely derives `Serialize` itself.
///
/// A type parameter counts as what its bounds say. With `T: Serialize` the rules of the type that is put in are not
/// known: write `T: AuditValue`.
///
/// ```
/// # use audit_core::{AuditValue, Auditable};
/// #[derive(Auditable)]
/// struct Page<T: AuditValue> {
///     items: Vec<T>,
/// }
///
/// #[derive(Auditable)]
/// enum State {
///     Open,
///     Paid { cents: i64 },
/// }
///
/// let page = Page { items: vec![State::Open, State::Paid { cents: 5 }] };
/// assert_eq!(page.audit_value().value().to_string(), r#"{"items":["Open",{"Paid":{"cents":5}}]}"#);
/// ```
///
/// All mistakes in the attributes of one type are reported at once.
#[proc_macro_derive(Auditable, attributes(audit))]
pub fn derive_auditable(item: TokenStream) -> TokenStream {
    auditable::auditable(item.into()).into()
}
