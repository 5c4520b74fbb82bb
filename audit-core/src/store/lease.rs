//! Who signs a log.

use chrono::{DateTime, Utc};

/// That a signer signs a log until a time, and no other. It is for order, not for safety: what a signer has signed keeps it from
/// signing anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The signer: what stands in the file `id` of its folder.
    pub holder: String,
    /// Until when, in microseconds, by the clock of the one who has taken it.
    pub until: DateTime<Utc>,
}
