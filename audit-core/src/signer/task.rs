//! Signing at work: one round after the other.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{SignError, Signatures, Signer};
use crate::event::error_text;

/// How long entries wait for a signature.
pub const DEFAULT_EVERY: Duration = Duration::from_secs(1);

/// How many entries wait for one, at the most.
pub const DEFAULT_LEAVES: u64 = 1_000;

/// How often within that time it is looked whether there are so many.
const LOOKS: u32 = 5;

/// A signer at work in a service, in a task of its own that goes on until this is [stopped](Self::stop), or dropped.
///
/// What is wrong with a log is told of by `tracing`, once, and the log quarantined.
///
/// ```
/// use audit_core::{Event, Recorder, signer::{Signer, Signing}, store::{MemoryStore, Reader, Store}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = MemoryStore::new();
/// let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// signer.check().await?; // before the first entry
/// let recorder = Recorder::builder(store.clone()).origin("billing.example/audit").start().await?;
/// let signing = Signing::start(signer, |_signed| { /* to where nobody changes them: signed.notes */ })?;
///
/// let receipt = recorder.record_durable(Event::builder("key.rotate")).await?;
/// recorder.shutdown(std::time::Duration::from_secs(10)).await?;
/// signing.stop().await; // after the last entry, which it signs
/// let log = audit_core::store::LogId::of(&receipt.log);
/// assert_eq!(store.latest_checkpoint(log).await?.unwrap().size, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Signing {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing").finish_non_exhaustive()
    }
}

impl Signing {
    /// Signs every [`DEFAULT_EVERY`], or as soon as [`DEFAULT_LEAVES`] entries wait for it, on the current tokio runtime. What
    /// was signed is given to `publish`.
    ///
    /// # Errors
    /// [`SignError::NoRuntime`].
    pub fn start(
        signer: Signer,
        publish: impl FnMut(&Signatures) + Send + 'static,
    ) -> Result<Self, SignError> {
        let runtime = Handle::try_current().map_err(|_| SignError::NoRuntime)?;
        let (stop, stopped) = oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "this owns the task")]
        let task = runtime.spawn(work(signer, publish, stopped));
        Ok(Self { stop, task })
    }

    /// Signs what there is once more, and ends.
    ///
    /// # Cancel safety
    /// Dropped half-way, it ends all the same.
    pub async fn stop(self) {
        drop(self.stop);
        if self.task.await.is_err() {
            tracing::error!("audit log: the signer has panicked");
        }
    }
}

async fn work(
    mut signer: Signer,
    mut publish: impl FnMut(&Signatures),
    mut stopped: oneshot::Receiver<()>,
) {
    let mut told = BTreeSet::new();
    loop {
        let is_last = tokio::select! {
            () = signer.due(DEFAULT_EVERY, DEFAULT_LEAVES) => false,
            _ = &mut stopped => true,
        };
        match signer.sign().await {
            Ok(signed) => {
                let refused = signed.refused.iter().map(error_text);
                let unkept = signed.unkept.iter().map(error_text);
                let unsaid = signed.unsaid.iter().map(error_text);
                for why in refused.chain(unkept).chain(unsaid) {
                    if told.insert(why.clone()) {
                        tracing::error!(why, "audit log: not signed, or not as it should be");
                    }
                }
                publish(&signed);
            }
            Err(why) => {
                let why = error_text(&why);
                tracing::error!(why, "audit log: nothing was signed");
            }
        }
        if is_last {
            return;
        }
    }
}

impl Signer {
    /// Waits until it is time to sign again: for so long, or until so many entries wait for it.
    ///
    /// # Cancel safety
    /// Safe to drop.
    pub async fn due(&self, every: Duration, leaves: u64) {
        let mut end = pin!(sleep(every));
        loop {
            tokio::select! {
                () = &mut end => return,
                () = sleep(every / LOOKS) => {
                    if self.waiting().await >= leaves {
                        return;
                    }
                }
            }
        }
    }

    /// How many entries wait for a signature, as far as that can be seen.
    async fn waiting(&self) -> u64 {
        let (store, mut waiting) = (self.reader.store(), 0_u64);
        for log in store.logs().await.unwrap_or_default() {
            let size = store.head(log.id).await.map_or(0, |head| head.frontier.size());
            let signed = self.state.logs.get(&log.origin).map_or(0, |tree| tree.size);
            waiting = waiting.saturating_add(size.saturating_sub(signed));
        }
        waiting
    }
}
