//! Events of another system's log, brought into this one.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::appender::Receipt;
use crate::event::{EventBuilder, EventError};
use crate::recorder::{NotRecorded, Recorder};
use crate::store::SearchError;

/// Events that are on their way into the log at once: so many share a commit.
const AT_ONCE: usize = 256;

/// Brings the log of another system in. Each event is marked as [imported](EventBuilder::imported) and keeps its time; its id here is
/// made of the system's name and its id there, so that bringing it again adds nothing.
///
/// Whether it is there is looked up before it is recorded. Nonce and salts are random, as everywhere: made of what is known elsewhere, they
/// would let personal values be guessed.
///
/// ```
/// use audit_core::import::{Brought, Import};
/// # use audit_core::{Event, Recorder, store::MemoryStore};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// let old = || Event::builder("invoice.approve").occurred_at("2019-05-06T07:08:09Z".parse().unwrap_or_default());
/// for expected in [Brought::New, Brought::There] {
///     let mut import = Import::new(&recorder, "legacy-billing");
///     assert_eq!(import.bring(vec![("4711".to_owned(), old())]).await?, [expected]);
///     import.finish("sha256 of the file").await?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Import {
    recorder: Recorder,
    from: String,
    new: u64,
    there: u64,
    refused: u64,
}

/// What has become of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// It is in the log now.
    New,
    /// It was there already.
    There,
    /// Another one of this system and id was there, which happened at another time or was another action. It is not brought in.
    Other,
    /// It is no event, and is not brought in.
    Refused(EventError),
}

/// Why an import does not go on. What was brought in before stays, and is passed over when the import is run again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// What is in the log cannot be read.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// An event was not recorded.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// The runtime ended while events were on their way.
    #[error("it was ended before all of it was in the log: run the import again")]
    Ended,
}

impl Import {
    /// An import of what was in the log of a system with this name.
    #[must_use]
    pub fn new(recorder: &Recorder, from: impl Into<String>) -> Self {
        Self { recorder: recorder.clone(), from: from.into(), new: 0, there: 0, refused: 0 }
    }

    /// Brings in events, each with the id that it had there, and answers for each what has become of it. When this returns, they are committed.
    ///
    /// # Errors
    /// [`ImportError`] where the database cannot be reached, or does not take them.
    ///
    /// # Cancel safety
    /// Dropped half-way, some of them are in the log, and are passed over when they are brought again.
    pub async fn bring(
        &mut self,
        events: Vec<(String, EventBuilder)>,
    ) -> Result<Vec<Brought>, ImportError> {
        let mut all = Vec::with_capacity(events.len());
        let mut under_way = UnderWay::default();
        for (id, event) in events {
            let event_id = self.event_id(&id);
            let event = event.id(event_id).imported(&*self.from, &*id);
            // A file may name one twice.
            if under_way.ids.contains(&event_id) || under_way.ids.len() == AT_ONCE {
                under_way.arrive().await?;
            }
            let brought = match self.looked_up(event_id, &event).await? {
                Brought::New => {
                    let recorder = self.recorder.clone();
                    under_way.ids.insert(event_id);
                    under_way.events.spawn(async move { recorder.record_durable(event).await });
                    Brought::New
                }
                other => other,
            };
            let counted = match brought {
                Brought::New => &mut self.new,
                Brought::There => &mut self.there,
                Brought::Other | Brought::Refused(_) => &mut self.refused,
            };
            *counted = counted.saturating_add(1);
            all.push(brought);
        }
        under_way.arrive().await?;
        Ok(all)
    }

    /// How many events are new, were there, and were not brought in.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.new, self.there, self.refused)
    }

    /// Counts one that was not even an event.
    pub fn pass_over(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// Says in the log of the class `audit` that this was brought in, out of a file with this SHA-256: `audit.imported`.
    ///
    /// # Errors
    /// [`NotRecorded`] where that could not be said.
    pub async fn finish(self, sha256: &str) -> Result<Receipt, NotRecorded> {
        let event = EventBuilder::of_the_log("audit.imported")
            .label("from", self.from)
            .metadata("new", self.new)
            .metadata("there", self.there)
            .metadata("refused", self.refused)
            .metadata("sha256", sha256);
        self.recorder.record_durable(event).await
    }

    /// A UUIDv8 of both names: the first half of their SHA-256, the first one's length before them.
    fn event_id(&self, id: &str) -> Uuid {
        let length = u64::try_from(self.from.len()).unwrap_or(u64::MAX).to_be_bytes();
        let hash = Sha256::new().chain_update(length).chain_update(&self.from).chain_update(id);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash.finalize()).for_each(|(byte, hashed)| *byte = hashed);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    async fn looked_up(&self, id: Uuid, event: &EventBuilder) -> Result<Brought, SearchError> {
        let built = match event.clone().build() {
            Ok(built) => built,
            Err(error) => return Ok(Brought::Refused(error)),
        };
        let Some(there) = self.recorder.reader().find(id).await?.map(|entry| entry.event()) else {
            return Ok(Brought::New);
        };
        let text = |name| there.get(name).and_then(Value::as_str);
        let at = text("occurred_at").and_then(|at| at.parse().ok());
        let is_same = text("action") == Some(built.action()) && at == Some(built.occurred_at());
        Ok(if is_same { Brought::There } else { Brought::Other })
    }
}

/// Events on their way into the log, which are given up with this.
#[derive(Default)]
struct UnderWay {
    ids: BTreeSet<Uuid>,
    events: JoinSet<Result<Receipt, NotRecorded>>,
}

impl UnderWay {
    async fn arrive(&mut self) -> Result<(), ImportError> {
        while let Some(recorded) = self.events.join_next().await {
            recorded.map_err(|_| ImportError::Ended)??;
        }
        self.ids.clear();
        Ok(())
    }
}
