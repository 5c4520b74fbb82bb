//! Is the log what it was? A pass over all rows that answers with findings.

mod finding;
mod report;
mod examined;
mod rows;
mod kept;
mod anchors;
mod boots;
mod permits;
mod strays;
mod leaves;
mod ahead;
mod choice;
mod entries;
mod swap;
mod walk;
mod log;

#[cfg(test)]
mod tests;

pub use finding::{Finding, FindingKind, Span, Weight};
pub use report::{Against, Compared, LogReport, MAX_FINDINGS, Report, Seen};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};

use anchors::Sealed;
use entries::Known;
use examined::Depth;
use log::{Checked, Terms, verify_log, verify_nothing};
use permits::Permits;
use report::Findings;

use crate::clock::{Clock as _, SystemClock};
use crate::event::error_text;
use crate::note::{Policy, SignedNote};
use crate::store::{Reader, StoreError, base_of_own};

/// Verifies all logs of a store against their heads, and reports what does not fit.
///
/// Every row is hashed again from its stored bytes and compared with what the head's frontier commits
/// to, from the peaks through the tiles; every column, opening, tile and segment is derived again. An
/// entry that is appended meanwhile is neither checked nor taken for a finding. Rows are read in chunks
/// of about a thousand, a few of them ahead, so memory does not grow with the log; but for what is kept of each producer's boot, and of
/// erasures. They are examined on the runtime's threads for blocking work.
///
/// # What it cannot see
///
/// - Who can write to the database can write a head to match: whole logs, tails and histories that were
///   replaced together with their head are not found without a checkpoint from outside
///   ([`Verification`]), and the report says so ([`LogReport::against`]).
/// - Where there are more than half a million pairs of a boot and a log, the numbers of the others are not looked at; nor are
///   those of a log that was pruned.
/// - A copy of an entry in the place of another is `MODIFIED`; that it is a copy is not looked for.
///
/// # Errors
/// [`StoreError`] where the store cannot be read, or there is no tokio runtime. Whatever is wrong with its content is a finding.
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
    Verification::of(reader).run().await
}

/// A verification that knows more than the database says: checkpoints that were kept outside of it, so that a history that was
/// rewritten together with its head, and a tail that was cut off, are found as far as something was signed.
///
/// ```
/// # use audit_core::{Event, Recorder, store::{MemoryStore, Reader}};
/// use audit_core::{note::Policy, signer::Signer, verify::{Against, Verification}};
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
/// let mut verification = Verification::of(&recorder.reader()).policy(policy);
/// for note in notes {
///     verification = verification.checkpoint(note, "the safe");
/// }
/// let report = verification.run().await?;
/// assert!(report.is_clean());
/// assert!(matches!(report.logs[0].against, Against::Checkpoint { size: 1 }));
/// assert_eq!(report.logs[0].checkpoints[0].from, "the safe");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct Verification {
    reader: Reader,
    policy: Option<Policy>,
    checkpoints: Vec<Given>,
    entries_read: Arc<AtomicU64>,
    unsealed_after: Option<Duration>,
    stale_after: Option<Duration>,
    leaves_only: bool,
}

/// A checkpoint that somebody has brought.
#[derive(Debug, Clone)]
struct Given {
    note: SignedNote,
    from: String,
    /// Whether its entries were verified before.
    is_verified: bool,
}

impl Verification {
    /// As [`verify`], of all logs of a reader's store.
    pub fn of(reader: &Reader) -> Self {
        Self {
            reader: reader.clone(),
            policy: None,
            checkpoints: Vec::new(),
            entries_read: Arc::default(),
            unsealed_after: None,
            stale_after: None,
            leaves_only: false,
        }
    }

    /// Whose signatures are believed: nobody's, without this.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Compares with a checkpoint, of any of the logs, and says in the report where it comes from. One that the policy does not
    /// believe is the finding `UNAUTHENTIC`.
    pub fn checkpoint(mut self, note: SignedNote, from: impl Into<String>) -> Self {
        self.checkpoints.push(Given { note, from: from.into(), is_verified: false });
        self
    }

    /// As [`checkpoint`](Self::checkpoint), of a log that was verified up to there, and had no findings: its entries are not read
    /// again, but for the last 255 of them at the most. They are known by their tiles, which must come to the same root.
    ///
    /// What somebody has changed of these entries since is not seen, nor are numbers that their producers have left out: from time
    /// to time a log has to be verified as a whole. Logs of the class `audit` always are, as they tell what may be gone elsewhere.
    pub fn since(mut self, note: SignedNote, from: impl Into<String>) -> Self {
        self.checkpoints.push(Given { note, from: from.into(), is_verified: true });
        self
    }

    /// Counts the entries that are read, for whoever waits.
    pub fn counting(mut self, entries_read: Arc<AtomicU64>) -> Self {
        self.entries_read = entries_read;
        self
    }

    /// Tells of entries that were recorded so long ago and are under no checkpoint (`UNSEALED`), in logs that the policy names.
    pub fn unsealed_after(mut self, bound: Duration) -> Self {
        self.unsealed_after = Some(bound);
        self
    }

    /// Tells of logs of which no witness has seen a checkpoint for so long (`STALE`), of those that the policy names.
    pub fn stale_after(mut self, bound: Duration) -> Self {
        self.stale_after = Some(bound);
        self
    }

    /// Looks at the bytes of the entries alone, and at what they come to: leaf hashes, root, head, and checkpoints. Whether an entry is
    /// found by a search, and with its personal values, is not looked at then, nor are tiles, as far as they are not needed, and the numbers
    /// of producers.
    pub fn leaves_only(mut self) -> Self {
        self.leaves_only = true;
        self
    }

    /// Verifies.
    ///
    /// # Errors
    /// As of [`verify`].
    ///
    /// # Cancel safety
    /// It only reads: safe to drop.
    pub async fn run(&self) -> Result<Report, StoreError> {
        let mut sealed: BTreeMap<String, Sealed> = BTreeMap::new();
        let mut refused: BTreeMap<String, Findings> = BTreeMap::new();
        let nobody = Policy::of_logs([]);
        let now = SystemClock::new().now();
        for Given { note, from, is_verified } in &self.checkpoints {
            match self.policy.as_ref().unwrap_or(&nobody).check(note) {
                Ok(trusted) => {
                    let origin = trusted.checkpoint.origin.clone();
                    let is_read = !is_verified || base_of_own(&origin).is_some();
                    let sealed = sealed.entry(origin).or_insert_with(|| Sealed::new(now));
                    sealed.add(&trusted, from);
                    if !is_read {
                        sealed.have_verified(&trusted.checkpoint);
                    }
                }
                Err(why) => {
                    let origin = note.text().lines().next().unwrap_or_default();
                    let findings = refused.entry(origin.to_owned());
                    let detail = format!("the checkpoint from {from}: {}", error_text(&why));
                    let findings = findings.or_insert_with(|| Findings::new(origin));
                    findings.add(FindingKind::Unauthentic, None, detail);
                }
            }
        }
        self.run_at(sealed, refused, now).await
    }

    /// Who has been silent for too long at that time has stopped.
    async fn run_at(
        &self,
        mut sealed: BTreeMap<String, Sealed>,
        mut refused: BTreeMap<String, Findings>,
        now: DateTime<Utc>,
    ) -> Result<Report, StoreError> {
        self.reader.must_see_everything("verify the logs")?;
        let store = self.reader.store();
        let depth = if self.leaves_only { Depth::Leaves } else { Depth::Everything };
        let mut checked: Vec<Checked> = Vec::new();
        // Producers say in a log of this class how far they came in the others, which must be read, and listed, after that.
        let mut logs = store.logs().await?;
        let permits = Permits::new(&logs, self.policy.as_ref());
        let mut known = Known { permits, ..Known::default() };
        logs.retain(|log| base_of_own(&log.origin).is_some());
        logs.sort_by_key(|log| log.origin.len());
        let mut is_first = true;
        loop {
            for log in logs {
                // Who writes another row with a log's name does not get what is known of that log.
                let terms = match log.is_itself() {
                    true => Terms {
                        sealed: sealed.remove(&log.origin).unwrap_or_else(|| Sealed::new(now)),
                        policy: self
                            .policy
                            .as_ref()
                            .filter(|_| known.permits.is_signed(&log.origin)),
                        refused: refused.remove(&log.origin),
                        unsealed_after: self.bound_of(&log.origin, self.unsealed_after),
                        stale_after: self.bound_of(&log.origin, self.stale_after),
                        entries_read: &self.entries_read,
                        now,
                    },
                    false => Terms::none(now, &self.entries_read),
                };
                // Nor does it speak in that one's place.
                let mut nothing = Known::default();
                let known = if log.is_itself() { &mut known } else { &mut nothing };
                checked.push(verify_log(&self.reader, log, depth, known, terms).await?);
            }
            if !std::mem::take(&mut is_first) {
                break;
            }
            logs = store.logs().await?;
            logs.retain(|log| !checked.iter().any(|checked| checked.log == *log));
        }
        for origin in sealed.keys().chain(refused.keys()).collect::<BTreeSet<_>>() {
            checked.push(verify_nothing(store, origin, sealed.get(origin), refused.get(origin)));
        }
        known.boots.judge(now, &mut checked);
        checked.sort_by(|a, b| (&a.log.origin, a.log.id).cmp(&(&b.log.origin, b.log.id)));
        let logs = checked.into_iter().map(Checked::report).collect();
        Ok(Report { leaves_only: self.leaves_only, logs })
    }

    /// A bound, if the log is one that should be signed.
    fn bound_of(&self, origin: &str, bound: Option<Duration>) -> Option<Duration> {
        let mut keys = self.policy.iter().flat_map(Policy::logs);
        bound.filter(|_| keys.any(|key| key.name() == origin))
    }
}
