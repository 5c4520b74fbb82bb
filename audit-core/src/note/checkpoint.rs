//! What a log commits to: its size and its root.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{hash, number};
use crate::merkle::Hash;

/// Size and root of a log under its name: the text that a log signs.
///
/// Written as three lines, origin, size and root in base64, and extension lines where somebody else put some.
///
/// ```
/// use audit_core::note::Checkpoint;
/// // That of a log without entries: the root is SHA-256 of nothing.
/// let text = "billing.example/audit/standard\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
/// let checkpoint: Checkpoint = text.parse()?;
/// assert_eq!((checkpoint.size, checkpoint.to_string()), (0, text.to_owned()));
/// # Ok::<(), audit_core::note::CheckpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// Further lines, whose meaning only their author knows.
    pub extensions: Vec<String>,
}

/// A text that is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a checkpoint is the log's name, its size in decimal, and its root in base64, each on a line of its own"
)]
pub struct CheckpointError;

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError);
        let origin = line()?.to_owned();
        let size = number(line()?).ok_or(CheckpointError)?;
        let root = hash(line()?).ok_or(CheckpointError)?;
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError);
        }
        Ok(Self { origin, size, root, extensions })
    }
}
