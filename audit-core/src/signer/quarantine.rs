//! What a signer finds out before anything is appended, and what it does to a log that is not what was signed.

use super::{KeysError, SignError, Signer};
use crate::event::{EventBuilder, error_text};
use crate::note::Checkpoint;
use crate::store::{LogId, LogState, StoreError, StoreErrorKind, bring_back};

const QUARANTINED: &str = "audit.log.quarantined";

impl Signer {
    /// With checkpoints that were published, and are kept where nobody changes them: so that a folder of the signer's that is older than
    /// they are is known to be that, and a database that is older than both. Only those that a policy believes.
    #[must_use]
    pub fn anchored(mut self, checkpoints: impl IntoIterator<Item = Checkpoint>) -> Self {
        for Checkpoint { origin, size, root, .. } in checkpoints {
            self.anchors.entry(origin).or_default().insert(size, root);
        }
        self
    }

    /// Compares all logs with what was signed of them, and signs nothing: to be called before a recorder is started, so that
    /// a database that came back from an old backup is known before an entry gets an index that was signed already.
    ///
    /// What it finds wrong with a log is answered, and the log is quarantined, as [`sign`](Self::sign) does it.
    ///
    /// ```
    /// use audit_core::{Recorder, signer::Signer, store::{MemoryStore, Reader}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// let store = MemoryStore::new();
    /// let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
    /// for wrong in signer.check().await? {
    ///     eprintln!("audit log: {wrong}");
    /// }
    /// let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SignError`] where the logs cannot be listed, or one of them cannot be closed: then a recorder must not be started.
    ///
    /// # Cancel safety
    /// Dropped half-way, some of the logs are not closed yet; it can be called again.
    pub async fn check(&mut self) -> Result<Vec<SignError>, SignError> {
        let (_, refused) = self.look().await?;
        match self.quarantine(&refused).await.0.pop() {
            Some(why) => Err(why.into()),
            None => Ok(refused),
        }
    }

    /// Closes logs that are not what was signed, and says so in the log `audit`. Answers with why some are not closed, and why that
    /// was not said.
    pub(super) async fn quarantine(
        &mut self,
        refused: &[SignError],
    ) -> (Vec<StoreError>, Vec<KeysError>) {
        let (mut closed, mut unclosed, mut unsaid) = (Vec::new(), Vec::new(), Vec::new());
        for why in refused {
            match self.close(why).await {
                Ok(Some(log)) => closed.push((log, why)),
                Ok(None) => {}
                Err(error) => unclosed.push(error),
            }
        }
        // When all are closed: the log `audit` may be one of them.
        for (log, why) in closed {
            let reason = error_text(why);
            tracing::error!(log, reason, "audit log: quarantined");
            let event = EventBuilder::of_the_log(QUARANTINED).metadata("log", &*log);
            match self.write(&log, event.metadata("reason", reason)).await {
                Err(KeysError::Store(error)) if error.kind() == StoreErrorKind::Closed => {}
                Err(error) => unsaid.push(error),
                Ok(()) => {}
            }
        }
        (unclosed, unsaid)
    }

    /// Closes a log, if that is due; answers with its name where it was open.
    async fn close(&mut self, why: &SignError) -> Result<Option<String>, StoreError> {
        let store = self.reader.store();
        // A row that goes by another's name is nobody's log: nothing is ever appended there.
        let (SignError::Truncated { log, .. } | SignError::Forked { log, .. }) = why else {
            return Ok(None);
        };
        let id = LogId::of(log);
        if !store.logs().await?.iter().any(|there| there.id == id && there.is_itself()) {
            bring_back(store, log).await?;
        }
        // A head that cannot be read is one that nobody can append to; it is closed all the same.
        let is_open = store.head(id).await.map_or(true, |head| head.state == LogState::Open);
        if is_open {
            store.close_log(id, LogState::Quarantined).await?;
        }
        Ok((is_open && self.closed.insert(log.clone())).then(|| log.clone()))
    }
}
