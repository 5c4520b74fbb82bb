// The root of a generated crate: what the functions of its modules work with.
use std::error::Error;
use std::fmt::{self, Write as _};
use std::future::{Future, ready};
use std::pin::Pin;

// All crates load the same dependencies, used or not.
use {audit_core as _, tracing as _};

pub struct State<T>(pub T);
pub struct Path<T>(pub T);
pub struct Query<T>(pub T);
pub struct Json<T>(pub T);
pub struct Status(pub u16);

pub struct Change {
    pub amount: u64,
    pub other: u64,
}

pub struct Filter {
    pub from: u64,
    pub to: u64,
    pub owner: Option<String>,
}

#[derive(Clone, Default)]
pub struct Invoice {
    pub amount: u64,
    pub owner: String,
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub enum AppError {
    Missing,
    Refused(String),
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such invoice"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

impl Error for AppError {}

#[derive(Clone, Default)]
pub struct Store {
    invoices: Vec<Invoice>,
}

impl Store {
    pub async fn load(&self, id: u64) -> Result<Invoice, AppError> {
        let place = usize::try_from(id).map_err(|_| AppError::Missing)?;
        ready(self.invoices.get(place).cloned().ok_or(AppError::Missing)).await
    }

    pub async fn save(&self, invoice: &Invoice) -> Result<(), AppError> {
        ready(invoice.owner.is_empty().then_some(()).ok_or(AppError::Missing)).await
    }

    pub async fn remove(&self, _id: u64) -> Result<(), AppError> {
        ready(Ok(())).await
    }

    pub async fn notify(&self, _owner: &str) {
        ready(()).await
    }

    pub async fn overdue(&self) -> Result<Vec<u64>, AppError> {
        ready(Ok(vec![1, 2])).await
    }
}

pub trait Database: Sync {
    fn read(&self, id: u64) -> impl Future<Output = Result<Invoice, AppError>> + Send;
    fn write(&self, invoice: &Invoice) -> impl Future<Output = Result<(), AppError>> + Send;
}

impl Database for Store {
    async fn read(&self, id: u64) -> Result<Invoice, AppError> {
        self.load(id).await
    }

    async fn write(&self, invoice: &Invoice) -> Result<(), AppError> {
        self.save(invoice).await
    }
}

pub type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

pub fn boxed<T: Send>(future: impl Future<Output = T> + Send + 'static) -> Boxed {
    Box::pin(async move { drop(future.await) })
}
