//! What becomes of an audited operation with no context around it: the process's default recorder takes its
//! event, and where there is none, that is said and counted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use super::{Recorder, Refusal};

static DEFAULT: RwLock<Option<Recorder>> = RwLock::new(None);

/// How many operations were not recorded.
static UNRECORDED: AtomicU64 = AtomicU64::new(0);

/// Where that was said, and of which action: several functions of one macro stand at one place.
static TOLD: Mutex<BTreeSet<(Place, String)>> = Mutex::new(BTreeSet::new());

/// File and line.
pub(crate) type Place = (&'static str, u32);

impl Recorder {
    /// Makes this the recorder of all audited operations of the process that have no context around them and
    /// name no recorder themselves. The one that was set last counts.
    ///
    /// For programs with a single log. Their events have no actor but the one that they name. A context
    /// ([`AuditContext::scope`](crate::AuditContext::scope), a layer) says more, and comes first.
    ///
    /// ```
    /// # use audit_core::{Query, Recorder, audited, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// recorder.make_default();
    ///
    /// #[audited(action = "cache.clear")]
    /// fn clear() {}
    ///
    /// clear();
    /// # recorder.shutdown(std::time::Duration::from_secs(10)).await?;
    /// let page = recorder.reader().search(&Query::new().action("cache.clear")).await?;
    /// assert_eq!(page.entries.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn make_default(&self) {
        let mut default = DEFAULT.write().unwrap_or_else(PoisonError::into_inner);
        let earlier = default.replace(self.clone());
        drop(default);
        // Now that nothing is locked: with it may go a store, of which nobody knows what it does then.
        drop(earlier);
    }
}

pub(super) fn default_recorder() -> Option<Recorder> {
    DEFAULT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// How many audited operations of this process ran unrecorded, because there was no recorder for them. Anything
/// but 0 is a fault in how the program is put together; a warning names each place once.
pub fn unrecorded() -> u64 {
    UNRECORDED.load(Ordering::Relaxed)
}

/// Counts an operation that found no recorder, and says so once for each place.
pub(crate) fn count_unrecorded(action: &str, place: Place) {
    UNRECORDED.fetch_add(1, Ordering::Relaxed);
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert((place, action.to_owned())) {
        let (file, line) = place;
        tracing::warn!(
            action,
            file,
            line,
            "audit: calls are not recorded, as {}",
            Refusal::NoRecorder
        );
    }
}
