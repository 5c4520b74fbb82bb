//! A spool in memory that has no room when told to. Clones are the same spool.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::event::EncodedEvent;
use crate::store::{Held, Spool, Spooled, StoreError, StoreErrorKind};

#[derive(Debug, Clone, Default)]
pub(crate) struct FaultySpool {
    /// Each with the origin of its recorder.
    rows: Arc<Mutex<Vec<(String, Spooled)>>>,
    next: Arc<AtomicUsize>,
    full: Arc<AtomicUsize>,
    stuck: Arc<AtomicUsize>,
    held: Arc<Mutex<BTreeSet<i64>>>,
    /// Whether another process gives back what it holds as soon as somebody has read.
    released_once_read: Arc<AtomicBool>,
}

impl FaultySpool {
    /// Takes nothing for so many calls.
    pub(crate) fn be_full(&self, calls: usize) {
        self.full.store(calls, Ordering::SeqCst);
    }

    /// Gives nothing away for so many calls: the disk is so full that nothing can even be removed.
    pub(crate) fn be_stuck(&self, calls: usize) {
        self.stuck.store(calls, Ordering::SeqCst);
    }

    /// Another process gives back all that it holds, right behind the next read, and is no more.
    pub(crate) fn be_released_once_read(&self) {
        self.released_once_read.store(true, Ordering::SeqCst);
    }

    /// Puts something there that no recorder has.
    pub(crate) fn forge(&self, recorder: &str, origin: &str, event: EncodedEvent) {
        let key = self.next.fetch_add(1, Ordering::SeqCst) + 1;
        let row = Spooled { key: key.try_into().unwrap(), origin: origin.to_owned(), event };
        self.rows.lock().unwrap().push((recorder.to_owned(), row));
    }

    fn of(&self, recorder: &str, behind: i64) -> Vec<Spooled> {
        let rows = self.rows.lock().unwrap();
        let held = self.held.lock().unwrap();
        let ours = rows.iter().filter(|(of, row)| of == recorder && row.key > behind);
        let ours = ours.filter(|(_, row)| !held.contains(&row.key));
        ours.map(|(_, row)| row.clone()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.lock().unwrap().len()
    }
}

fn strikes(left: &AtomicUsize) -> Result<(), StoreError> {
    let strikes = |left: usize| left.checked_sub(1);
    match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, strikes) {
        Ok(_) => Err(StoreError::new(StoreErrorKind::Unavailable, "use the spool")),
        Err(_) => Ok(()),
    }
}

#[async_trait]
impl Spool for FaultySpool {
    async fn put(
        &self,
        recorder: &str,
        events: &[(Arc<str>, &EncodedEvent)],
    ) -> Result<(), StoreError> {
        strikes(&self.full)?;
        for (origin, event) in events {
            self.forge(recorder, origin, (*event).clone());
        }
        Ok(())
    }

    async fn first(
        &self,
        recorder: &str,
        behind: i64,
        limit: u32,
    ) -> Result<Vec<Spooled>, StoreError> {
        let mut rows = self.of(recorder, behind);
        rows.truncate(limit.try_into().unwrap());
        if self.released_once_read.swap(false, Ordering::SeqCst) {
            self.held.lock().unwrap().clear();
        }
        Ok(rows)
    }

    async fn count(&self, recorder: &str, behind: i64) -> Result<u64, StoreError> {
        Ok(self.of(recorder, behind).len().try_into().unwrap())
    }

    async fn remove(&self, keys: &[i64]) -> Result<(), StoreError> {
        strikes(&self.stuck)?;
        self.rows.lock().unwrap().retain(|(_, row)| !keys.contains(&row.key));
        Ok(())
    }

    async fn hold(&self, keys: &[i64]) -> Result<(), StoreError> {
        strikes(&self.stuck)?;
        self.held.lock().unwrap().extend(keys);
        Ok(())
    }

    async fn held(&self, recorder: &str) -> Result<Vec<Held>, StoreError> {
        let (rows, held) = (self.rows.lock().unwrap(), self.held.lock().unwrap());
        let ours = rows.iter().filter(|(of, row)| of == recorder && held.contains(&row.key));
        let log = |row: &Spooled| (row.origin.clone(), row.event.class.clone());
        let logs: BTreeSet<_> = ours.map(|(_, row)| log(row)).collect();
        Ok(logs.into_iter().map(|(origin, class)| Held { origin, class }).collect())
    }

    async fn release(&self, recorder: &str, origin: &str) -> Result<u64, StoreError> {
        let (rows, mut held) = (self.rows.lock().unwrap(), self.held.lock().unwrap());
        let of_log = |of: &str, row: &Spooled| of == recorder && row.origin == origin;
        let released = rows.iter().filter(|(of, row)| of_log(of, row) && held.remove(&row.key));
        Ok(released.count().try_into().unwrap())
    }
}
