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

#[doc = include_str!("../docs/audited.md")]
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
/// // All of them, for a recorder's catalogue.
/// assert_eq!(InvoiceAction::actions().len(), 2);
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
/// | `security` | none | it is security-relevant: adds the tag `security` to each event |
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
/// On enums with variants of any shape, generic ones too.
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
/// The keys of a map stand in the clear, in the values as in the paths of changes: a map by e-mail address is personal as a
/// whole. Attributes of `serde` on a field are not read: what `#[serde(skip)]` hides from others, hide here by `skip`.
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
