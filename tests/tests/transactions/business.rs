//! Many transactions at once, of which some are rolled back, while something comes in between.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use audit_core::{AuditContext, Outcome, Recorder};
use futures::future::join_all;
use sqlx::Connection as _;
use tokio::sync::mpsc;

use super::attribute::{End, place};
use super::database::{Connection, Database};
use super::orders::{all, placed, put, told};
use crate::AppError;
use crate::log::{events, start};

/// Connections of the application.
const CONNECTIONS: usize = 8;

/// A third of the orders is rolled back, a third has its event written by hand, a third by the attribute.
pub(super) struct Business<'a> {
    database: &'a Database,
    pub(super) recorder: Mutex<Recorder>,
    count: i64,
    next: AtomicI64,
    /// Transactions that were cut off.
    cut: AtomicUsize,
}

impl<'a> Business<'a> {
    pub(super) async fn new(database: &'a Database) -> Self {
        let count = if std::env::var_os("AUDIT_SOAK").is_some() { 1_000 } else { 300 };
        let recorder = Mutex::new(start(database.store().await).await);
        Self { database, recorder, count, next: AtomicI64::new(0), cut: AtomicUsize::new(0) }
    }

    pub(super) fn recorder(&self) -> Recorder {
        self.recorder.lock().unwrap().clone()
    }

    /// Does all transactions; after a third, and after two, `interrupt` runs beside them.
    pub(super) async fn run(&self, interrupt: impl AsyncFn(i64)) {
        let (reach, mut reached) = mpsc::unbounded_channel();
        let clerks = vec![reach; CONNECTIONS].into_iter().map(|reach| self.work(reach));
        let interrupts = async {
            while let Some(id) = reached.recv().await {
                interrupt(id).await;
            }
        };
        tokio::join!(join_all(clerks), interrupts);
    }

    async fn work(&self, reach: mpsc::UnboundedSender<i64>) {
        let mut connection = self.database.reconnect().await;
        loop {
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            if id >= self.count {
                return;
            }
            if id == self.count / 3 || id == self.count * 2 / 3 {
                reach.send(id).unwrap();
            }
            let recorder = self.recorder();
            let done = self.transact(&recorder, &mut connection, id);
            let done = AuditContext::system("test").scope(&recorder, done).await;
            if let Err(error) = done {
                // The server is gone, or going. Whether the transaction was committed, the table knows.
                assert!(!matches!(error, AppError::Refused), "{error}");
                self.cut.fetch_add(1, Ordering::Relaxed);
                connection = self.database.reconnect().await;
            }
        }
    }

    async fn transact(
        &self,
        recorder: &Recorder,
        connection: &mut Connection,
        id: i64,
    ) -> Result<(), AppError> {
        let mut transaction = connection.begin().await?;
        match id % 6 {
            0 | 2 | 4 => {
                put(&mut transaction, id).await?;
                let event = placed(id).outcome(Outcome::Success);
                recorder.record_in(&mut transaction, event).await?;
            }
            _ => place(&mut transaction, id, End::Ok).await?,
        }
        match id % 3 {
            0 => transaction.rollback().await?,
            _ => transaction.commit().await?,
        }
        Ok(())
    }

    /// The orders in the log are those in the table, each once.
    pub(super) async fn check(&self) {
        let orders = all(self.database).await;
        let events = events(&self.recorder()).await;
        let told = told(&events);
        let succeeded = told.iter().filter(|(_, outcome)| *outcome == "success");
        let mut succeeded: Vec<_> = succeeded.map(|(id, _)| *id).collect();
        succeeded.sort_unstable();
        let cut = self.cut.load(Ordering::Relaxed);
        println!(
            "{} transactions, of which {cut} were cut off: {} orders in the table, {} in the log, and {} failures",
            self.count,
            orders.len(),
            succeeded.len(),
            told.len() - succeeded.len(),
        );
        assert_eq!(succeeded, orders);
        // What was neither cut off nor rolled back is there.
        let committed = (0..self.count).filter(|id| id % 3 != 0).count();
        assert!(orders.len() + cut >= committed && orders.len() <= committed);
        assert!(orders.iter().all(|id| id % 3 != 0), "{orders:?}");
    }
}
