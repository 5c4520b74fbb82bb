//! A spool in memory that has no room when told to. Clones are the same spool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::event::EncodedEvent;
use crate::store::{Spool, Spooled, StoreError, StoreErrorKind};

#[derive(Debug, Clone, Default)]
pub(crate) struct FaultySpool {
    /// Each with the origin of its recorder.
    rows: Arc<Mutex<Vec<(String, Spooled)>>>,
    next: Arc<AtomicUsize>,
    full: Arc<AtomicUsize>,
    stuck: Arc<AtomicUsize>,
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

    /// Puts something there that no recorder has.
    pub(crate) fn forge(&self, recorder: &str, origin: &str, event: EncodedEvent) {
        let key = self.next.fetch_add(1, Ordering::SeqCst) + 1;
        let row = Spooled { key: key.try_into().unwrap(), origin: origin.to_owned(), event };
        self.rows.lock().unwrap().push((recorder.to_owned(), row));
    }

    fn of(&self, recorder: &str, behind: i64) -> Vec<Spooled> {
        let rows = self.rows.lock().unwrap();
        let ours = rows.iter().filter(|(of, row)| of == recorder && row.key > behind);
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
}
