//! Lines of personal values: which entry, and what opens its commitments.

use serde_json::{Map, Value, json};

use crate::event::{EncodingError, OpeningsError, canonical, jcs, opened};

/// The line for an entry, and how many values are in it.
pub(super) fn line(
    index: u64,
    canon: &[u8],
    openings: &str,
) -> Result<(String, u64), EncodingError> {
    let count = check(canon, openings)?;
    let openings: Value = serde_json::from_str(openings).map_err(|_| OpeningsError)?;
    Ok((jcs(&json!({ "index": index, "openings": openings })), count))
}

/// Which entry a line is of, and its openings as they are stored; nothing where it is spelled in another way.
pub(super) fn parse(line: &[u8]) -> Option<(u64, String)> {
    let mut members: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let (index, openings) = (members.remove("index")?.as_u64()?, members.remove("openings")?);
    let again = jcs(&json!({ "index": index, "openings": openings }));
    (again.as_bytes() == line).then(|| (index, jcs(&openings)))
}

/// How many openings there are, if all open what the entry commits to.
pub(super) fn check(canon: &[u8], openings: &str) -> Result<u64, EncodingError> {
    let openings = opened(&canonical(canon)?, openings)?;
    Ok(u64::try_from(openings.len()).unwrap_or(u64::MAX))
}
