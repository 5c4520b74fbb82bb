//! Is the log what it was? A pass over all rows that answers with findings.

mod report;
mod rows;
mod anchors;
mod boots;
mod strays;
mod leaves;
mod choice;
mod entries;
mod swap;
mod walk;

#[cfg(test)]
mod tests;

pub use report::{Against, Finding, FindingKind, LogReport, MAX_FINDINGS, Report, Span};

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use anchors::Anchors;
use boots::Boots;
use report::Findings;
use rows::{Rows, Runs};
use walk::Walk;

use crate::clock::{Clock as _, SystemClock};
use crate::event::error_text;
use crate::merkle::{Frontier, Hash};
use crate::note::Checkpoint;
use crate::store::{Head, LogId, LogInfo, LogState, Reader, Store, StoreError, StoreErrorKind};

/// Verifies all logs of a store against their heads, and reports what does not fit.
///
/// Every row is hashed again from its stored bytes and compared with what the head's frontier commits
/// to, from the peaks through the tiles; every column, opening, tile and segment is derived again. An
/// entry that is appended meanwhile is neither checked nor taken for a finding. Rows are read in chunks
/// of about a thousand, so memory does not grow with the log; but for what is kept of each producer's boot.
///
/// # What it cannot see
///
/// - Who can write to the database can write a head to match: whole logs, tails and histories that were
///   replaced together with their head are not found without a checkpoint from outside
///   ([`verify_against`]), and the report says so ([`LogReport::against`]).
/// - Openings that are gone are not missed: whether their erasure was authorised is not asked.
/// - Where there are more than half a million pairs of a boot and a log, the numbers of the others are not looked at.
/// - A copy of an entry in the place of another is `MODIFIED`; that it is a copy is not looked for.
///
/// # Errors
/// [`StoreError`] where the store cannot be read. Whatever is wrong with its content is a finding.
///
/// # Cancel safety
/// It only reads: safe to drop.
///
/// ```
/// use audit_core::event::Producer;
/// use audit_core::store::{Leaf, MemoryStore, Reader, Store};
/// use audit_core::{Event, verify::verify};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let log = store.open_log("billing.example/audit/standard", "standard").await?;
/// let event = Event::builder("invoice.approve").resource("invoice", "4711").build()?;
/// let leaf = Leaf::new(event.encode(&Producer::new("billing"), 0))?;
/// store.append(log, &[leaf], event.occurred_at()).await?;
///
/// let report = verify(&Reader::new(store)).await?;
/// assert!(report.is_clean(), "{report}");
/// assert_eq!(report.logs[0].size, Some(1));
/// # Ok(())
/// # }
/// ```
pub async fn verify(reader: &Reader) -> Result<Report, StoreError> {
    verify_against(reader, &[]).await
}

/// As [`verify`], and compares the logs with checkpoints that were kept outside of the database, and that a
/// [`Policy`](crate::note::Policy) accepts: so that a history that was rewritten together with its head, and a tail that was
/// cut off, are found as far as something was signed.
///
/// # Errors
/// As of [`verify`].
///
/// ```
/// # use audit_core::{Event, Recorder, store::{MemoryStore, Reader}};
/// use audit_core::{note::Policy, signer::Signer, verify::{Against, verify_against}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let store = MemoryStore::new();
/// # let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// # let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
/// # let policy_text = { let _ = signer.sign().await?; signer.policy().to_string() };
/// // At any time: what the signer signs, kept where the database's administrator does not write.
/// let notes = signer.sign().await?.notes;
/// // Later, with the keys that were handed over once:
/// let policy: Policy = policy_text.parse()?;
/// let mut trusted = Vec::new();
/// for note in &notes {
///     trusted.push(policy.check(note)?.checkpoint);
/// }
/// let report = verify_against(&recorder.reader(), &trusted).await?;
/// assert!(report.is_clean());
/// assert!(matches!(report.logs[0].against, Against::Checkpoint { size: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn verify_against(reader: &Reader, trusted: &[Checkpoint]) -> Result<Report, StoreError> {
    verify_at(reader, trusted, SystemClock::new().now()).await
}

/// Who has been silent for too long at that time has stopped.
async fn verify_at(
    reader: &Reader,
    trusted: &[Checkpoint],
    now: DateTime<Utc>,
) -> Result<Report, StoreError> {
    let store = reader.store();
    let mut signed: BTreeMap<&str, Signed> = BTreeMap::new();
    for checkpoint in trusted {
        let of_log = signed.entry(&checkpoint.origin).or_default();
        of_log.entry(checkpoint.size).or_default().insert(checkpoint.root);
    }
    let mut boots = Boots::default();
    let mut checked: Vec<Checked> = Vec::new();
    // Producers say in a log of this class how far they came in the others, which must be read, and listed, after that.
    let mut logs = store.logs().await?;
    logs.retain(|log| log.origin.ends_with("/audit"));
    logs.sort_by_key(|log| log.origin.len());
    let mut is_first = true;
    loop {
        for log in logs {
            // Who writes another row with a log's name does not get what is known of that log.
            let signed = if log.is_itself() { signed.remove(&*log.origin) } else { None };
            checked.push(verify_log(store, log, &mut boots, signed).await?);
        }
        if !std::mem::take(&mut is_first) {
            break;
        }
        logs = store.logs().await?;
        logs.retain(|log| !checked.iter().any(|checked| checked.log == *log));
    }
    for (origin, signed) in signed {
        let mut findings = Findings::new(origin);
        let signed = anchors(Some(signed), &mut findings);
        if signed.keys().any(|size| *size > 0) {
            Anchors::new(signed).judge(0, Frontier::new().root(), &mut findings);
        }
        let log = LogInfo { id: LogId::of(origin), origin: origin.to_owned() };
        checked.push(Checked { log, findings, head: None });
    }
    boots.judge(now, &mut checked);
    checked.sort_by(|a, b| (&a.log.origin, a.log.id).cmp(&(&b.log.origin, b.log.id)));
    Ok(Report { logs: checked.into_iter().map(Checked::report).collect() })
}

/// What was found in a log.
#[derive(Debug)]
struct Checked {
    log: LogInfo,
    findings: Findings,
    /// Its head, where that can be read, and what it was compared with.
    head: Option<(Head, Against)>,
}

impl Checked {
    fn report(self) -> LogReport {
        match self.head {
            None => self.findings.report(),
            Some((head, against)) => LogReport {
                size: Some(head.frontier.size()),
                root: Some(head.root),
                against,
                ..self.findings.report()
            },
        }
    }
}

/// What was signed of a log: the roots of each size, of which there should be one.
type Signed = BTreeMap<u64, BTreeSet<Hash>>;

/// One root for each size. Where there are two, whoever has the key has signed two histories.
fn anchors(signed: Option<Signed>, findings: &mut Findings) -> BTreeMap<u64, Hash> {
    let mut anchors = BTreeMap::new();
    for (size, roots) in signed.into_iter().flatten() {
        if roots.len() > 1 {
            let detail =
                format!("checkpoints of {size} entries are signed with {} roots", roots.len());
            findings.add(FindingKind::Equivocation, None, detail);
        }
        anchors.extend(roots.first().map(|root| (size, *root)));
    }
    anchors
}

async fn verify_log(
    store: &dyn Store,
    log: LogInfo,
    boots: &mut Boots,
    signed: Option<Signed>,
) -> Result<Checked, StoreError> {
    let mut findings = Findings::new(&log.origin);
    let signed = anchors(signed, &mut findings);
    let head = match content(store.head(log.id).await)? {
        Ok(head) => head,
        Err(damage) => {
            findings.add(FindingKind::Forked, None, damage);
            return Ok(Checked { log, findings, head: None });
        }
    };
    let mut size = head.frontier.size();
    let mut walk = Walk::new(store, &log, std::mem::take(boots), signed.clone());
    walk.run(&head.frontier).await?;

    let agrees = head.frontier.root() == head.root;
    let mut forked = (!agrees).then(|| "the root is not that of the frontier beside it".to_owned());
    if !(agrees && walk.settled) {
        // The root may be right and only the rest of the head wrong: then the entries are compared with
        // the root, and not all of them blamed for the head.
        let stored = stored_frontier(store, &log).await?;
        if stored.root() == head.root && stored != head.frontier {
            size = stored.size();
            forked = Some(format!(
                "the root is that of {size} entries, size and frontier beside it are not"
            ));
            // What was seen of producers is the same again.
            walk = Walk::new(store, &log, walk.entries.boots, signed);
            walk.run(&stored).await?;
        }
    }
    if head.min_index > 0 {
        // Nothing removes entries yet, so there is nothing that a head could excuse.
        let detail = format!("entries below {} cannot have been pruned", head.min_index);
        forked.get_or_insert(detail);
    }
    if head.state != LogState::Open {
        // Nor does anything close a log yet.
        let detail = format!("the head says that the log is closed ({:?})", head.state);
        forked.get_or_insert(detail);
    }
    if !log.is_itself() {
        let detail = "its id is not that of its name: somebody has written a log that goes by the name of another";
        forked.get_or_insert(detail.to_owned());
    }
    if let Some(detail) = forked {
        walk.findings.add(FindingKind::Forked, None, detail);
    }

    walk.entries.check_head(size, head.recorded_at, &mut walk.findings);
    let segments = content(store.segments(log.id).await)?;
    let mut beyond = Runs::default();
    let mut rows = Rows::new(store, log.id, size);
    while let Some(row) = rows.next_below(u64::MAX).await? {
        beyond.add(Span::from(row.index));
    }
    // Entries are appended all the while, so what stands beyond the end is known only by a head that was
    // read after it.
    let now = content(store.head(log.id).await)?.unwrap_or_else(|_| head.clone());
    let end = now.frontier.size().max(size);
    for place in beyond.starting_at(end) {
        walk.findings.add(FindingKind::Extra, place, format!("the log ends before {end}"));
    }
    walk.findings.omit(FindingKind::Extra, beyond.omitted);
    match segments {
        Ok(segments) => walk.entries.check_segments(&segments, size, end, &mut walk.findings),
        Err(damage) => walk.findings.add(FindingKind::ColumnMismatch, None, damage),
    }
    walk.finish(size);
    let compared = walk.anchors.judge(size, head.root, &mut walk.findings);
    *boots = walk.entries.boots;
    let against = compared.map_or(Against::Head, |size| Against::Checkpoint { size });
    findings.extend(walk.findings);
    Ok(Checked { log, findings, head: Some((head, against)) })
}

/// What a store answered, or what is wrong with its content: that is for a finding. Errors are left for
/// what has nothing to do with the content.
fn content<T>(answer: Result<T, StoreError>) -> Result<Result<T, String>, StoreError> {
    match answer {
        Err(error) if error.kind() == StoreErrorKind::Damaged => Ok(Err(error_text(&error))),
        answer => answer.map(Ok),
    }
}

/// The frontier over the leaf hashes that the rows have beside their bytes, up to the first gap.
async fn stored_frontier(store: &dyn Store, log: &LogInfo) -> Result<Frontier, StoreError> {
    let mut frontier = Frontier::new();
    let mut rows = Rows::new(store, log.id, 0);
    while let Some(row) = rows.next_below(u64::MAX).await? {
        let Some(leaf) = row.leaf.filter(|_| row.index == frontier.size()) else {
            break;
        };
        if frontier.push(leaf).is_err() {
            break;
        }
    }
    Ok(frontier)
}
