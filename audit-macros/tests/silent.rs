//! Functions and types as users write them: the macros add no warning to them, of the compiler's or of
//! clippy's, under this workspace's lints and the stricter groups.

#![deny(warnings, clippy::pedantic, clippy::nursery)]
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;
use std::pin::Pin;

use audit_core::{AuditAction, AuditValue, Auditable, Event, NotRecorded, audited};
use axum::extract::{Json, Path};
use axum::response::{IntoResponse, Response};

#[derive(Debug)]
struct Refused;

impl Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl Error for Refused {}

impl From<NotRecorded> for Refused {
    fn from(_: NotRecorded) -> Self {
        Self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.to_string().into_response()
    }
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Invoice {
    id: u64,
    customer: String,
}

fn customer(invoice: &Json<Invoice>) -> &str {
    &invoice.customer
}

#[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
async fn approve(
    Path(id): Path<u64>,
    Json(mut invoice): Json<Invoice>,
) -> Result<Json<Invoice>, Refused> {
    if id == 0 {
        return Err(Refused);
    }
    invoice.id = id;
    tokio::task::yield_now().await;
    Ok(Json(invoice))
}

/// Creates.
#[audited(
    action = "invoice.create",
    resource = "invoice",
    resource_id_from = |made: &Json<Invoice>| made.id,
    durability = durable,
)]
async fn create(Json(invoice): Json<Invoice>) -> Result<Json<Invoice>, Refused> {
    const NONE: u64 = 0;
    (invoice.id != NONE).then_some(Json(invoice)).ok_or(Refused)
}

#[audited(action = "invoice.copy", resource = "invoice", resource_id_from = customer, durability = buffered)]
async fn copy(mut invoice: Json<Invoice>) -> Result<Json<Invoice>, Refused> {
    const fn next(id: u64) -> u64 {
        id + 1
    }
    invoice.id = next(invoice.id);
    Ok(invoice)
}

#[audited(action = "unit")]
async fn unit() {}

#[audited(action = "one_expression")]
async fn one_expression() -> u8 {
    1
}

#[audited(action = "early")]
async fn early(how: Option<u8>) -> Option<u8> {
    let how = how?;
    if how > 3 {
        return None;
    }
    Some(how)
}

#[audited(action = "shown")]
async fn shown(text: &str, many: &mut Vec<String>) -> impl Display {
    many.push(text.to_owned());
    many.join(" ")
}

#[audited(action = "durable_shown", durability = durable)]
async fn durable_shown<T: Display + Sync>(text: &T) -> Result<impl Display, Refused> {
    Ok(format!("{text}!"))
}

#[audited(action = "boxed")]
async fn boxed() -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(Refused.into())
}

#[audited(action = "forever")]
async fn forever() -> ! {
    loop {
        tokio::task::yield_now().await;
    }
}

#[audited(action = "infallible")]
async fn infallible() -> Infallible {
    loop {
        tokio::task::yield_now().await;
    }
}

struct Ledger<T> {
    name: String,
    last: T,
}

impl<T: Clone + Send + Sync> Ledger<T> {
    #[audited(action = "ledger.last", resource = "ledger", resource_id = self.name)]
    async fn last<'a>(&'a self) -> &'a T
    where
        T: 'a,
    {
        &self.last
    }

    #[audited(action = "ledger.set", resource = "ledger", resource_id = self.name.len() + 1)]
    #[must_use]
    async fn set(&mut self, last: T) -> T {
        std::mem::replace(&mut self.last, last)
    }

    #[audited(action = "ledger.close", resource = "ledger", resource_id = &self.name)]
    async fn close(self) -> String {
        self.name
    }

    #[audited(action = "ledger.pinned")]
    async fn pinned(self: Pin<&Self>) -> usize {
        self.name.len()
    }
}

trait Work {
    async fn work(&self, times: u32) -> u32;
}

impl Work for u32 {
    #[audited(action = "work")]
    async fn work(&self, times: u32) -> Self {
        self * times
    }
}

#[derive(Clone, Debug, PartialEq, Eq, AuditAction)]
#[audit(prefix = "invoice", category = "billing", severity = info)]
enum InvoiceAction<T: ?Sized + 'static = str> {
    #[audit(sensitivity = high, alert)]
    Approve,
    #[deprecated]
    #[expect(dead_code, reason = "as an action that is no longer taken")]
    Close,
    #[audit(name = "paid_in_full")]
    Paid {
        amount: u64,
    },
    Sent(&'static T, u64),
    Refund(),
}

#[derive(AuditAction)]
enum Only {
    One,
}

const fn send<T: Send>(future: T) -> T {
    future
}

#[tokio::test]
async fn annotated_functions_return_what_their_bodies_return() {
    let invoice = Json(Invoice { id: 1, customer: "Ada".to_owned() });
    assert_eq!(send(approve(Path(7), invoice.clone())).await.map(|Json(i)| i.id).ok(), Some(7));
    assert!(approve(Path(0), invoice.clone()).await.is_err());
    assert_eq!(send(copy(invoice.clone())).await.map(|Json(i)| i.id).ok(), Some(2));
    // Without a recorder a durable function may be refused, but it must compile and come back.
    drop(send(create(invoice)).await);
    drop(durable_shown(&"a").await.map(|text| format!("{text}")));

    unit().await;
    assert_eq!(one_expression().await, 1);
    assert_eq!(early(Some(2)).await, Some(2));
    assert_eq!(early(None).await, None);
    let mut many = vec!["a".to_owned()];
    assert_eq!(format!("{}", send(shown("b", &mut many)).await), "a b");
    assert!(boxed().await.is_err());
    drop((forever(), infallible()));

    let mut ledger = Ledger { name: "main".to_owned(), last: 1 };
    assert_eq!(send(ledger.set(2)).await, 1);
    assert_eq!(*send(ledger.last()).await, 2);
    assert_eq!(Pin::new(&ledger).pinned().await, 4);
    assert_eq!(send(ledger.close()).await, "main");
    assert_eq!(2.work(3).await, 6);
}

#[audited(action = "invoice.count", labels(kind = "all"), message = "{invoices:?} counted")]
fn count(invoices: &[Invoice]) -> usize {
    invoices.len()
}

#[audited(action = Only::One, skip_if = id == 0, tags("a", id), severity = warning, compliance)]
fn checked(id: u64) -> Result<u64, std::num::TryFromIntError> {
    let small = u8::try_from(id)?;
    Ok(small.into())
}

#[audited(action = "invoice.drop")]
async fn discard(_guard: String, _: u64, mut count: u64, (first, _): (String, String)) -> u64 {
    count += 1;
    count + u64::try_from(first.len()).unwrap_or(0)
}

#[audited(action = "invoice.drop")]
fn discard_now(
    _guard: &str,
    _: u64,
    Path(id): Path<u64>,
    #[cfg(any())] never: u64,
    #[expect(unused_variables, reason = "as people write it")] later: u64,
    #[cfg(test)] now: u64,
) -> u64 {
    id + now
}

#[audited(action = "invoice.delay", resource = "invoice", resource_id = id)]
fn delay(id: u64) -> Pin<Box<dyn Future<Output = Result<u64, Refused>> + Send>> {
    let later = id + 1;
    Box::pin(async move { if later == 1 { Err(Refused) } else { Ok(later) } })
}

#[audited(action = "invoice.announce", durability = strict)]
fn announce(id: u64) -> impl Future<Output = Result<u64, Refused>> + Send {
    std::future::ready(Ok(id))
}

#[test]
fn annotated_functions_that_are_not_async_return_what_they_returned() {
    assert_eq!(count(&[]), 0);
    assert_eq!(checked(7), Ok(7));
    assert!(checked(700).is_err());
    assert_eq!(discard_now("guard", 1, Path(1), 0, 1), 2);
}

#[tokio::test]
async fn annotated_functions_that_return_futures_return_what_they_returned() {
    assert_eq!(delay(1).await.ok(), Some(2));
    assert!(delay(0).await.is_err());
    assert_eq!(discard(String::new(), 1, 2, ("ab".to_owned(), String::new())).await, 5);
    assert!(announce(1).await.is_err(), "nothing is strict without a recorder");
}

#[test]
fn derived_enums_name_their_actions() {
    type Action = InvoiceAction;
    let all = [
        (Action::Approve, "invoice.approve"),
        (Action::Paid { amount: 7 }, "invoice.paid_in_full"),
        (Action::Sent("Ada", 7), "invoice.sent"),
        (Action::Refund(), "invoice.refund"),
    ];
    for (action, name) in all {
        assert_eq!(action.action().name(), name);
    }
    assert_eq!(Only::One.action().name(), "one");
}

#[derive(Auditable, Clone)]
#[audit(resource = "order")]
struct Order<'a, T: AuditValue> {
    #[audit(id, rename = "number")]
    r#type: u64,
    #[audit(personal)]
    iban: Option<String>,
    #[audit(redact)]
    token: Refusal,
    #[audit(skip)]
    cache: Vec<Refusal>,
    #[audit(flatten)]
    price: Price,
    states: Vec<State>,
    held: &'a std::sync::Mutex<Vec<u8>>,
    more: T,
    empty: (Nothing, Empty),
}

#[derive(Clone)]
struct Refusal;

#[derive(Auditable, Clone, Copy)]
struct Price(#[audit(personal)] i64, #[audit(redact)] u8, #[audit(skip)] bool);

#[derive(Auditable, Clone)]
enum State {
    Open,
    Paid(u64),
    Split(u64, #[audit(redact)] u64, #[audit(skip)] u64),
    Void {
        by: String,
        #[audit(skip)]
        why: String,
    },
    Gone {
        #[audit(skip)]
        why: String,
    },
}

#[derive(Auditable, Clone, Copy)]
struct Nothing;

#[derive(Auditable, Clone, Copy)]
struct Empty {}

#[derive(Auditable, Clone, Copy)]
enum Never {}

#[test]
fn derived_types_are_taken_by_an_event() {
    let why = || "because".to_owned();
    let held = std::sync::Mutex::new(vec![1]);
    let before = Order {
        r#type: 1,
        iban: None,
        token: Refusal,
        cache: vec![Refusal],
        price: Price(1, 2, true),
        states: vec![
            State::Open,
            State::Paid(1),
            State::Split(1, 2, 3),
            State::Void { by: "Ada".to_owned(), why: why() },
            State::Gone { why: why() },
        ],
        held: &held,
        more: None::<Never>,
        empty: (Nothing, Empty {}),
    };
    let mut after = before.clone();
    after.states.pop();
    let _: (bool, usize, &Refusal) = (after.price.2, after.cache.len(), &after.token);
    for state in &after.states {
        assert!(!matches!(state, State::Split(.., 4)));
        if let State::Void { why: told, .. } | State::Gone { why: told } = state {
            assert_eq!(*told, why());
        }
    }
    let event = Event::builder("order.change").changed(&before, &after).build();
    assert!(event.is_ok());
}
