//! Checking a bundle, with nothing but it and the keys that are believed.

use std::io::Read;

use super::manifest::{Log, MANIFEST, Manifest};
use super::tar::Members;
use super::{BundleError, Bundled, MAX_LINES, POLICY, checkpoint, disclosed, entries, openings};
use crate::event::{EncodingError, MAX_CANONICAL, canonical};
use crate::merkle::{Frontier, Hash, ProofError, leaf_hash, verify_consistency};
use crate::note::{Checkpoint, Policy, SignedNote};

/// Checks that a bundle holds what was signed: that its checkpoints are believed, that its entries are those of the logs of these
/// checkpoints, all of the range and in order, that there is one way to read each, and that the personal values are those that they
/// commit to.
///
/// The policy must come from elsewhere: whoever makes a bundle also makes what lies in it. It holds a few megabytes at a time,
/// whatever the bundle claims. An example is at [`write`](fn@super::write).
///
/// # Errors
/// [`BundleError`]; nothing that the bundle says is to be believed then.
pub fn verify(bundle: impl Read, policy: &Policy) -> Result<Vec<Bundled>, BundleError> {
    let mut members = Members::new(bundle)?;
    let manifest = Manifest::parse(&members.expect(MANIFEST)?)?;
    own_policy(&members.expect(POLICY)?)?;
    let mut found = Vec::new();
    for (number, log) in manifest.logs.iter().enumerate() {
        found.push(verify_log(&mut members, number, log, policy)?);
    }
    members.finish()?;
    Ok(found)
}

/// The policy that lies in a bundle: to be compared with what one has from elsewhere. By itself it proves that a bundle is whole,
/// and not who made it.
///
/// # Errors
/// [`BundleError`] where there is none.
pub fn policy_in(bundle: impl Read) -> Result<Policy, BundleError> {
    let mut members = Members::new(bundle)?;
    Manifest::parse(&members.expect(MANIFEST)?)?;
    own_policy(&members.expect(POLICY)?)
}

fn own_policy(content: &[u8]) -> Result<Policy, BundleError> {
    let policy = std::str::from_utf8(content).map_err(|error| error.to_string());
    let policy = policy.and_then(|text| text.parse::<Policy>().map_err(|error| error.to_string()));
    let policy = policy.map_err(|why| BundleError::form(POLICY, format!("is none: {why}")))?;
    if policy.to_string().as_bytes() != content {
        return Err(BundleError::form(POLICY, "is not spelled as bundles spell it"));
    }
    Ok(policy)
}

fn verify_log<R: Read>(
    members: &mut Members<R>,
    number: usize,
    log: &Log,
    policy: &Policy,
) -> Result<Bundled, BundleError> {
    let name = checkpoint(number);
    let note = SignedNote::try_from(&*members.expect(&name)?);
    let note = note.map_err(|error| BundleError::form(&name, format!("is none: {error}")))?;
    let refused = |source| BundleError::Checkpoint { log: log.origin.clone(), source };
    let trusted = policy.check(&note).map_err(refused)?;
    let Checkpoint { origin, size, root, .. } = &trusted.checkpoint;
    if *origin != log.origin {
        return Err(BundleError::form(&name, format!("is of {origin} and not of {}", log.origin)));
    }
    if log.end > *size || (log.first >= log.end && *size > 0) {
        let why = format!("has no entries {} to {} of {size} in {origin}", log.first, log.end);
        return Err(BundleError::form(MANIFEST, why));
    }
    let (mut tree, after) = (log.before()?, log.after()?);
    let mut count = 0;
    while tree.size() < log.end {
        count += verify_chunk(members, number, log, &mut tree)?;
    }
    leads_to(&tree, *size, *root, &after)
        .map_err(|source| BundleError::Entries { log: origin.clone(), source })?;
    Ok(Bundled { trusted, entries: log.first..log.end, openings: count })
}

/// Whether a tree is the beginning of that of a checkpoint.
fn leads_to(tree: &Frontier, size: u64, root: Hash, after: &[Hash]) -> Result<(), ProofError> {
    match tree.size() {
        // Then the checkpoint has none either.
        0 if root == Hash::EMPTY_ROOT && after.is_empty() => Ok(()),
        0 => Err(ProofError::Root { size, expected: root, found: Hash::EMPTY_ROOT }),
        end => verify_consistency(end, size, tree.root(), root, after),
    }
}

/// Takes in the next member with entries, and the personal values behind it, of which it says how many there are.
fn verify_chunk<R: Read>(
    members: &mut Members<R>,
    number: usize,
    log: &Log,
    tree: &mut Frontier,
) -> Result<u64, BundleError> {
    let first = tree.size();
    let entry = |index, source| BundleError::Entry { log: log.origin.clone(), index, source };
    let name = entries(number, first);
    let content = members.expect(&name)?;
    let lines = lines(&name, &content)?;
    for line in &lines {
        let index = tree.size();
        if index >= log.end {
            return Err(BundleError::form(&name, format!("goes on behind entry {}", log.end - 1)));
        }
        if line.len() > MAX_CANONICAL {
            return Err(entry(index, EncodingError::TooLarge(line.len())));
        }
        canonical(line).map_err(|source| entry(index, source))?;
        tree.push(leaf_hash(line)).map_err(|error| BundleError::form(&name, error.to_string()))?;
    }
    let name = openings(number, first);
    let Some(content) = members.next_if(&name)? else {
        return Ok(0);
    };
    let (mut count, mut next) = (0, first);
    for line in self::lines(&name, &content)? {
        let wrong =
            || BundleError::form(&name, "has a line that is not of an entry, or not in order");
        let (index, openings) = disclosed::parse(line).ok_or_else(wrong)?;
        let place = index.checked_sub(first).filter(|_| index >= next);
        let place = place.and_then(|place| usize::try_from(place).ok()).ok_or_else(wrong)?;
        let canon = lines.get(place).ok_or_else(wrong)?;
        count += disclosed::check(canon, &openings).map_err(|source| entry(index, source))?;
        next = index.saturating_add(1);
    }
    Ok(count)
}

/// The lines of a member, which has at least one and ends with one.
fn lines<'a>(name: &str, content: &'a [u8]) -> Result<Vec<&'a [u8]>, BundleError> {
    let Some(lines) = content.strip_suffix(b"\n") else {
        return Err(BundleError::form(name, "does not end with a line"));
    };
    let lines = lines.split(|byte| *byte == b'\n');
    // Counted before they are kept, as they may be very many and very short.
    match lines.clone().nth(MAX_LINES) {
        None => Ok(lines.collect()),
        Some(_) => Err(BundleError::form(name, format!("has more than {MAX_LINES} lines"))),
    }
}
