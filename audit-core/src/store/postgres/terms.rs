//! Terms as the database keeps them: values of 16 bytes, of which no two segments and no two logs have
//! the same, so that the one index over all rows is as good as one for each segment of each log.

use uuid::Uuid;

use crate::event::Term;
use crate::store::{LogId, NewEntry, SEGMENT_SIZE};

/// A term of a log, with the log's id in it: what follows the number of the segment.
pub(super) fn of_log(log: LogId, term: Term) -> [u8; Term::SIZE] {
    let mut bytes = *term.as_bytes();
    bytes.iter_mut().zip(log.0.to_be_bytes()).for_each(|(byte, id)| *byte ^= id);
    bytes
}

/// The terms of a new entry, in the words of the database for a list.
pub(super) fn literal(log: LogId, entry: &NewEntry<'_>) -> String {
    let segment = entry.index / SEGMENT_SIZE;
    let terms = entry.leaf.columns.terms.iter();
    let terms = terms.map(|&term| format!("{segment:08x}{}", hex::encode(of_log(log, term))));
    format!("{{{}}}", terms.collect::<Vec<_>>().join(","))
}

/// The terms of the entry at `index`; nothing where one of them is another segment's.
pub(super) fn read(log: LogId, index: u64, stored: &[Uuid]) -> Option<Vec<Term>> {
    let segment = u32::try_from(index / SEGMENT_SIZE).ok()?.to_be_bytes();
    // Room for all at once, which `collect` into an `Option` does not make: this is done for each row of a verification.
    let mut terms = Vec::with_capacity(stored.len());
    for stored in stored {
        let term = stored.as_bytes().strip_prefix(&segment)?;
        let term = Term::from_bytes(term.try_into().ok()?);
        terms.push(Term::from_bytes(of_log(log, term)));
    }
    Some(terms)
}
