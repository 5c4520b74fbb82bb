//! A spool in memory that has no room when told to. Clones are the same spool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::event::EncodedEvent;
use crate::store::{Spool, Spooled, StoreError, StoreErrorKind};

#[derive(Debug, Clone, Default)]
pub(crate) struct FaultySpool {
    rows: Arc<Mutex<Vec<Spooled>>>,
    next: Arc<AtomicUsize>,
    full: Arc<AtomicUsize>,
}

impl FaultySpool {
    /// Takes nothing for so many calls.
    pub(crate) fn be_full(&self, calls: usize) {
        self.full.store(calls, Ordering::SeqCst);
    }

    /// Puts something there that no recorder has.
    pub(crate) fn forge(&self, origin: &str, event: EncodedEvent) {
        let key = self.next.fetch_add(1, Ordering::SeqCst).try_into().unwrap();
        self.rows.lock().unwrap().push(Spooled { key, origin: origin.to_owned(), event });
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.lock().unwrap().len()
    }
}

#[async_trait]
impl Spool for FaultySpool {
    async fn put(&self, events: &[(Arc<str>, &EncodedEvent)]) -> Result<(), StoreError> {
        let strikes = |left: usize| left.checked_sub(1);
        if self.full.fetch_update(Ordering::SeqCst, Ordering::SeqCst, strikes).is_ok() {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "use the spool"));
        }
        for (origin, event) in events {
            self.forge(origin, (*event).clone());
        }
        Ok(())
    }

    async fn first(&self, base: &str, limit: u32) -> Result<Vec<Spooled>, StoreError> {
        let rows = self.rows.lock().unwrap();
        let ours = rows.iter().filter(|row| row.origin.starts_with(base));
        Ok(ours.take(limit.try_into().unwrap()).cloned().collect())
    }

    async fn count(&self, base: &str) -> Result<u64, StoreError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.iter().filter(|row| row.origin.starts_with(base)).count().try_into().unwrap())
    }

    async fn remove(&self, keys: &[i64]) -> Result<(), StoreError> {
        self.rows.lock().unwrap().retain(|row| !keys.contains(&row.key));
        Ok(())
    }
}
