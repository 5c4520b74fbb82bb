//! Who writes events.

use uuid::Uuid;

use super::random::random;
use super::text::{MAX_NAME, line};

/// Who writes events: a name that outlives the process, and an id that does not.
#[derive(Debug, Clone)]
pub struct Producer {
    pub(super) id: String,
    pub(super) boot: Uuid,
}

impl Producer {
    /// A producer with a name of at most 256 bytes, and a boot that begins now.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: line(id, MAX_NAME, "", &mut Vec::new()), boot: Uuid::from_bytes(random()) }
    }
}
