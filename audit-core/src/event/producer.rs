//! Who writes events.

use serde::Deserialize;
use uuid::Uuid;

use super::outline::Outline;
use super::random::random;
use super::text::{MAX_NAME, line};

/// Who writes events: a name that outlives the process, and an id that does not.
#[derive(Debug, Clone)]
pub struct Producer {
    pub(super) id: String,
    pub(super) boot: Uuid,
}

/// What a producer has stamped on an event, read back from its bytes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) boot: Uuid,
    pub(crate) id: String,
    /// Its number in its log; none where it came through the outbox.
    pub(crate) seq: Option<u64>,
}

impl Stamp {
    /// From the member `producer`. Nothing where it is not as our encoder writes it, and where `serde_json` was built to keep numbers as they are spelled.
    pub(crate) fn of_outline(producer: &Outline<'_>) -> Option<Self> {
        let seq = match producer.get("seq") {
            None => None,
            Some(Outline::Number(seq)) => Some(*seq),
            Some(_) => return None,
        };
        let boot = producer.get("boot")?.as_str()?.parse().ok()?;
        Some(Self { boot, id: producer.get("id")?.as_str()?.to_owned(), seq })
    }

    /// Nothing where it is not as our encoder writes it.
    pub(crate) fn of(canon: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Stamped {
            producer: Stamp,
        }
        serde_json::from_slice(canon).ok().map(|Stamped { producer }| producer)
    }
}

impl Producer {
    /// A producer with a name of at most 256 bytes, and a boot that begins now.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: line(id, MAX_NAME, "", &mut Vec::new()), boot: Uuid::from_bytes(random()) }
    }

    pub(crate) fn boot(&self) -> Uuid {
        self.boot
    }
}
