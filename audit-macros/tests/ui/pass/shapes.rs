//! Every shape of function that people write.

use std::future::Future;
use std::pin::Pin;

use audit_core::{NotRecorded, Recorder, audited};

#[derive(Debug)]
struct Failed;

impl From<NotRecorded> for Failed {
    fn from(_: NotRecorded) -> Self {
        Self
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[audited(action = "sync.plain")]
fn plain(number: u64) -> u64 {
    if number == 0 {
        return 1;
    }
    number
}

#[audited(action = "sync.unit")]
fn unit() {}

#[audited(action = "sync.result", resource = "thing", resource_id_from = |made: &u64| *made)]
fn result(number: &str) -> Result<u64, std::num::ParseIntError> {
    let number: u64 = number.parse()?;
    Ok(number)
}

#[audited(action = "sync.option")]
fn option<'a>(all: &'a [u64]) -> Option<&'a u64> {
    let first = all.first()?;
    Some(first)
}

#[audited(action = "sync.iterator")]
fn iterator(all: &[u64]) -> impl Iterator<Item = u64> + '_ {
    all.iter().map(|number| number + 1)
}

#[audited(action = "sync.never")]
fn never() -> ! {
    loop {}
}

#[audited(action = "sync.unsafe")]
unsafe fn hazardous() -> u64 {
    7
}

#[audited(action = "sync.generic")]
fn generic<T: Clone, const N: usize>(all: [T; N]) -> Vec<T>
where
    T: Send,
{
    all.to_vec()
}

struct Book {
    names: Vec<String>,
}

impl Book {
    #[audited(action = "book.first", resource = "book", resource_id = self.names.len())]
    fn first(&self) -> &str {
        &self.names[0]
    }

    #[audited(action = "book.last")]
    fn last(&mut self) -> Option<&mut String> {
        self.names.last_mut()
    }

    #[audited(action = "book.names")]
    fn names(self) -> Vec<String> {
        self.names
    }

    #[audited(action = "book.make")]
    fn make(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().collect() }
    }
}

#[audited(action = "future.opaque", durability = durable)]
fn opaque(number: u64) -> impl Future<Output = Result<u64, Failed>> + Send {
    let twice = number * 2;
    async move {
        if twice == 0 {
            return Err(Failed);
        }
        Ok(twice)
    }
}

#[audited(action = "future.boxed", resource = "thing", resource_id = name)]
fn boxed<'a>(name: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, Failed>> + Send + 'a>> {
    if name.is_empty() {
        return Box::pin(std::future::ready(Err(Failed)));
    }
    Box::pin(async move { Ok(name.len()) })
}

#[audited(action = "future.alias", durability = strict)]
fn alias(name: &str) -> BoxFuture<'_, Result<usize, Failed>> {
    Box::pin(async move { Ok(name.len()) })
}

trait Greeter {
    fn greet(&self) -> impl Future<Output = String> + Send;
}

struct English(Recorder);

impl Greeter for English {
    #[audited(action = "greet", recorder = self.0)]
    async fn greet(&self) -> String {
        "hello".to_owned()
    }
}

#[async_trait::async_trait]
trait Payments {
    async fn pay(&mut self, amount: u64) -> Result<u64, Failed>;

    #[audited(action = "payments.refund")]
    async fn refund(&self, amount: u64) -> Result<(), Failed> {
        tokio::task::yield_now().await;
        if amount == 0 { Err(Failed) } else { Ok(()) }
    }
}

struct Bank {
    id: u64,
    balance: u64,
}

#[async_trait::async_trait]
impl Payments for Bank {
    #[audited(action = "payments.pay", resource = "bank", resource_id = self.id, durability = durable)]
    async fn pay(&mut self, amount: u64) -> Result<u64, Failed> {
        self.balance = self.balance.checked_sub(amount).ok_or(Failed)?;
        Ok(self.balance)
    }
}

mod own {
    use std::pin::Pin;

    use audit_core::{NotRecorded, audited};

    // A name that elsewhere stands for any output.
    pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, NotRecorded>> + Send + 'a>>;

    #[audited(action = "own.durable", durability = durable)]
    pub fn durable(n: u64) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if n == 7 { Ok(()) } else { std::future::pending().await }
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(plain(0), 1);
    unit();
    assert!(result("x").is_err());
    assert_eq!(option(&[3]), Some(&3));
    assert_eq!(iterator(&[1, 2]).sum::<u64>(), 5);
    assert_eq!(unsafe { hazardous() }, 7);
    assert_eq!(generic([1, 2]).len(), 2);
    let _: fn() -> ! = never;

    let mut book = Book::make(["a".to_owned(), "b".to_owned()]);
    assert_eq!(book.first(), "a");
    book.last().unwrap().push('c');
    assert_eq!(book.names(), ["a", "bc"]);

    assert!(opaque(1).await.is_err(), "durable without a recorder");
    assert_eq!(boxed("abc").await.unwrap(), 3);
    assert!(boxed("").await.is_err());
    assert!(alias("abc").await.is_err(), "strict without a recorder");
    let mut bank = Bank { id: 1, balance: 7 };
    assert!(bank.refund(0).await.is_err());
    assert!(bank.pay(3).await.is_err(), "durable without a recorder");
    assert_eq!(bank.balance, 7);
    let _ = English::greet;
    assert!(own::durable(7).await.is_err(), "durable without a recorder");
}
