//! One personal value of one entry, for somebody who is to see no other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{ProveError, prove};
use crate::event::{EncodingError, canonical, jcs, opened};
use crate::merkle::leaf_hash;
use crate::note::{Policy, Proof, Refused, SignedNote, Trusted};
use crate::store::{LogId, Reader};

/// The version of the form.
const VERSION: u32 = 1;

/// A personal value of an entry with all that it takes, beside the keys that are trusted, to tell that it is in the log: the
/// entry's canonical bytes, the salt that opens the commitment there, and a proof of the entry. Written as a line of JSON, in one
/// spelling. `Debug` shows no value.
#[derive(Clone, PartialEq)]
pub struct Disclosure {
    canon: String,
    pointer: String,
    salt: String,
    value: Value,
    proof: Proof,
}

/// What a [`Disclosure`] has shown.
#[derive(Clone, PartialEq)]
pub struct Disclosed {
    /// The event, with the value in its place. Other personal values stay commitments.
    pub event: Value,
    /// Where the value stands, as a JSON pointer.
    pub pointer: String,
    /// The index of the entry.
    pub index: u64,
    /// The checkpoint under which it is proved.
    pub trusted: Trusted,
}

/// Why a value cannot be disclosed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscloseError {
    /// There is no proof of the entry.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The entry has no such personal value, or it was erased.
    #[error("entry {index} of {log} has no personal value at `{pointer}`, or it was erased")]
    NoValue {
        /// The log's name.
        log: String,
        /// The index of the entry.
        index: u64,
        /// The JSON pointer.
        pointer: String,
    },
    /// What stands beside the entry is not what it commits to.
    #[error("entry {index} of {log} is not what was appended: run `audit verify`")]
    Damaged {
        /// The log's name.
        log: String,
        /// The index of the entry.
        index: u64,
        /// What is wrong with it.
        source: EncodingError,
    },
}

/// A disclosure that shows nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DisclosureError {
    /// It is not built like one.
    #[error(
        "a disclosure is one line of JSON with `canon`, `pointer`, `proof`, `salt`, `v` (1) and `value`, in canonical form"
    )]
    Form,
    /// The entry is not in a log that is believed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The entry commits to something else.
    #[error("salt and value are not what the entry commits to")]
    Value(#[from] EncodingError),
}

/// Discloses one personal value of an entry, by a signed checkpoint of its log.
///
/// ```
/// # use audit_core::{Actor, Event, Recorder, signer::Signer, store::{MemoryStore, Reader}};
/// use audit_core::prove::{Disclosure, disclose};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let store = MemoryStore::new();
/// # let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// # let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
/// let actor = Actor::user("u-1").name("Alice Adams").email("alice@example.com");
/// let receipt = recorder.record_durable(Event::builder("key.rotate").actor(actor)).await?;
/// # let notes = signer.sign().await?.notes;
/// # let note = notes.iter().find(|note| note.text().starts_with(&*receipt.log)).ok_or("not signed")?;
/// # let index = receipt.index.ok_or("not in the log yet")?;
/// let text = disclose(&recorder.reader(), note, index, "/actor/name").await?.to_string();
///
/// // Somewhere else, without the database:
/// let disclosed = text.parse::<Disclosure>()?.verify(&signer.policy())?;
/// assert_eq!(disclosed.event["actor"]["name"], "Alice Adams");
/// assert_ne!(disclosed.event["actor"]["email"], "alice@example.com");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DiscloseError`].
///
/// # Cancel safety
/// It only reads: safe to drop.
pub async fn disclose(
    reader: &Reader,
    note: &SignedNote,
    index: u64,
    pointer: &str,
) -> Result<Disclosure, DiscloseError> {
    let proof = prove(reader, note, index).await?;
    let log = || note.text().lines().next().unwrap_or_default().to_owned();
    let rows = reader.store().read(LogId::of(&log()), index, 1).await.map_err(ProveError::from)?;
    let row = rows.into_iter().next().ok_or_else(|| ProveError::Damaged(log()))?;
    let damaged = |source| DiscloseError::Damaged { log: log(), index, source };
    let event = canonical(&row.canon).map_err(damaged)?;
    let openings = row.openings.as_deref().unwrap_or("{}");
    opened(&event, openings).map_err(damaged)?;
    let mut openings: Map<String, Value> = serde_json::from_str(openings).unwrap_or_default();
    let opening = openings.remove(pointer).and_then(|pair| serde_json::from_value(pair).ok());
    let no_value = || DiscloseError::NoValue { log: log(), index, pointer: pointer.to_owned() };
    let (salt, value) = opening.ok_or_else(no_value)?;
    let canon = jcs(&event);
    Ok(Disclosure { canon, pointer: pointer.to_owned(), salt, value, proof })
}

impl Disclosure {
    /// Checks that the entry is in a log that the policy believes, and that the value is what it commits to.
    ///
    /// # Errors
    /// [`DisclosureError`] where it is not.
    pub fn verify(&self, policy: &Policy) -> Result<Disclosed, DisclosureError> {
        let Self { canon, pointer, salt, value, proof } = self;
        let trusted = proof.verify(leaf_hash(canon.as_bytes()), policy)?;
        let mut event = canonical(canon.as_bytes())?;
        for opening in opened(&event, &jcs(&json!({ pointer: [salt, value] })))? {
            if let Some(place) = event.pointer_mut(pointer) {
                *place = opening.value;
            }
        }
        Ok(Disclosed { event, pointer: pointer.clone(), index: proof.index, trusted })
    }
}

/// How it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    canon: String,
    pointer: String,
    proof: String,
    salt: String,
    v: u32,
    value: Value,
}

impl fmt::Display for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { canon, pointer, salt, value, proof } = self;
        let (proof, v) = (proof.to_string(), VERSION);
        let members = json!({
            "canon": canon, "pointer": pointer, "proof": proof, "salt": salt, "v": v, "value": value,
        });
        writeln!(f, "{}", jcs(&members))
    }
}

impl FromStr for Disclosure {
    type Err = DisclosureError;

    fn from_str(text: &str) -> Result<Self, DisclosureError> {
        let written: Written = serde_json::from_str(text).map_err(|_| DisclosureError::Form)?;
        let Written { canon, pointer, proof, salt, v, value } = written;
        let proof = proof.parse().map_err(|_| DisclosureError::Form)?;
        let disclosure = Self { canon, pointer, salt, value, proof };
        // Whatever can be read in two ways is none.
        let is_right = v == VERSION && disclosure.to_string() == text;
        if is_right { Ok(disclosure) } else { Err(DisclosureError::Form) }
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Disclosure");
        shown.field("pointer", &self.pointer).field("index", &self.proof.index);
        shown.finish_non_exhaustive()
    }
}

impl fmt::Debug for Disclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Disclosed");
        shown.field("pointer", &self.pointer).field("index", &self.index);
        shown.field("trusted", &self.trusted).finish_non_exhaustive()
    }
}
