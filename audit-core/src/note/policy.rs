//! Whom one trusts: logs, witnesses, and how many of these.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::checkpoint::{Checkpoint, CheckpointError};
use super::key::{KeyError, KeyKind, VerifierKey};
use super::number;
use super::revoked::Revoked;
use super::signed::{NoteError, SignedNote};
use crate::merkle::ProofError;

/// Most lines of a policy.
const MAX_LINES: usize = 10_000;

/// Which logs are believed, and whose cosignatures they need: a text of lines `log`, `witness`, `group` and `quorum`.
///
/// ```
/// use audit_core::note::{Checkpoint, KeyKind, Policy, SignedNote, SignerKey};
/// use chrono::Utc;
///
/// let key = SignerKey::generate("billing.example/audit/standard", KeyKind::Ed25519)?;
/// let policy: Policy = format!("log {}\nquorum none\n", key.public()).parse()?;
///
/// let root = audit_core::merkle::Hash::EMPTY_ROOT;
/// let origin = key.public().name().to_owned();
/// let checkpoint = Checkpoint { origin, size: 0, root, extensions: Vec::new() };
/// let note = SignedNote::new(checkpoint.to_string())?.signed(&key, Utc::now());
/// assert_eq!(policy.check(&note)?.checkpoint, checkpoint);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<(VerifierKey, Option<String>)>,
    witnesses: Vec<Witness>,
    /// Each names only what stands before it.
    groups: Vec<Group>,
    quorum: Option<String>,
    /// Beside the text.
    revoked: Revoked,
}

/// So many of which others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    needed: usize,
    members: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Witness {
    name: String,
    key: VerifierKey,
    url: Option<String>,
}

/// A text that is no policy: in which line, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {why}")]
pub struct PolicyError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

/// A checkpoint that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// What the log commits to.
    pub checkpoint: Checkpoint,
    /// When witnesses have seen it, by the names of their keys.
    pub seen: Vec<(String, DateTime<Utc>)>,
}

/// A checkpoint or a proof that is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Its signatures.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its log is none of those that are trusted.
    #[error("`{0}` is no log that is trusted here")]
    Log(String),
    /// Only a key that was revoked has signed it.
    #[error(
        "the log's key {key} was revoked and is good up to the size {good} only, and this is a checkpoint of the size {size}"
    )]
    Revoked {
        /// The key.
        key: Box<VerifierKey>,
        /// Up to which size it is good.
        good: u64,
        /// The size that it has signed.
        size: u64,
    },
    /// Witnesses have not seen it as the policy demands.
    #[error("too few of the witnesses that are trusted have seen this checkpoint: {0} did")]
    Quorum(usize),
    /// The proof leads elsewhere.
    #[error("the proof does not lead to the checkpoint: {0}")]
    Proof(ProofError),
}

impl Policy {
    /// That of one who has the keys of logs and asks no witness.
    #[must_use]
    pub fn of_logs(keys: impl IntoIterator<Item = VerifierKey>) -> Self {
        let logs = keys.into_iter().map(|key| (key, None)).collect();
        let (witnesses, groups, revoked) = (Vec::new(), Vec::new(), Revoked::default());
        Self { logs, witnesses, groups, quorum: None, revoked }
    }

    /// Names one more witness, under the name of its key. The quorum does not ask for it: where it has signed, it says when.
    #[must_use]
    pub fn with_witness(mut self, key: VerifierKey) -> Self {
        self.witnesses.push(Witness { name: key.name().to_owned(), key, url: None });
        self
    }

    /// Believes these keys up to their sizes, whether the policy names them or not.
    #[must_use]
    pub fn revoking(mut self, revoked: Revoked) -> Self {
        self.revoked = revoked;
        self
    }

    /// The keys that are believed up to a size only.
    #[must_use]
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// The keys of the logs.
    pub fn logs(&self) -> impl Iterator<Item = &VerifierKey> {
        self.logs.iter().map(|(key, _)| key)
    }

    /// Witnesses: the key of each, and where it takes checkpoints, if that is said.
    pub fn witnesses(&self) -> impl Iterator<Item = (&VerifierKey, Option<&str>)> {
        self.witnesses.iter().map(|witness| (&witness.key, witness.url.as_deref()))
    }

    /// Checks that a log that is trusted has signed a checkpoint, under its own name, by a key that is good for its size, and that
    /// witnesses have seen it as it is demanded.
    ///
    /// # Errors
    /// [`Refused`] where it is not believed.
    pub fn check(&self, note: &SignedNote) -> Result<Trusted, Refused> {
        let checkpoint: Checkpoint = note.text().parse()?;
        self.check_log(note, &checkpoint)?;
        let keys: Vec<_> = self.witnesses().map(|(key, _)| key.clone()).collect();
        let signed = match note.verified(&keys) {
            Err(NoteError::Unsigned) => Vec::new(),
            signed => signed?,
        };
        let by = |witness: &&Witness| signed.iter().any(|signed| *signed.by == witness.key);
        let mut seen: BTreeSet<&str> =
            self.witnesses.iter().filter(by).map(|witness| &*witness.name).collect();
        let witnesses = seen.len();
        for Group { name, needed, members } in &self.groups {
            if members.iter().filter(|member| seen.contains(member.as_str())).count() >= *needed {
                seen.insert(name);
            }
        }
        if self.quorum.as_ref().is_some_and(|quorum| !seen.contains(quorum.as_str())) {
            return Err(Refused::Quorum(witnesses));
        }
        let at = |signed: &super::Signed<'_>| Some((signed.by.name().to_owned(), signed.at?));
        Ok(Trusted { checkpoint, seen: signed.iter().filter_map(at).collect() })
    }

    /// While a log goes from one key to the next, it has two; one of them that has signed is enough.
    fn check_log(&self, note: &SignedNote, checkpoint: &Checkpoint) -> Result<(), Refused> {
        let size = checkpoint.size;
        let keys = self.logs().chain(self.revoked.iter().map(|(key, _)| key));
        let is_good = |key: &VerifierKey| self.revoked.size(key).is_none_or(|good| size <= good);
        let of_log = keys.filter(|key| key.name() == checkpoint.origin).cloned();
        let (good, revoked): (Vec<_>, Vec<_>) = of_log.partition(is_good);
        if good.is_empty() && revoked.is_empty() {
            return Err(Refused::Log(checkpoint.origin.clone()));
        }
        let signed = note.verified(&good);
        if let (Err(NoteError::Unsigned), Ok(late)) = (&signed, note.verified(&revoked))
            && let Some(key) = late.first().map(|signed| signed.by)
            && let Some(good) = self.revoked.size(key)
        {
            return Err(Refused::Revoked { key: Box::new(key.clone()), good, size });
        }
        signed?;
        Ok(())
    }

    fn defines(&self, name: &str) -> bool {
        let groups = self.groups.iter().map(|group| &*group.name);
        groups.chain(self.witnesses.iter().map(|witness| &*witness.name)).any(|other| other == name)
    }

    /// Takes in a line; says whether it was that of the quorum.
    fn read(&mut self, words: &[&str]) -> Result<bool, String> {
        match words {
            ["log", key, rest @ ..] => {
                let key = self.key(key, KeyKind::Ed25519)?;
                self.logs.push((key, url(rest)?));
            }
            ["witness", name, key, rest @ ..] => {
                self.is_free(name)?;
                let key = self.key(key, KeyKind::Cosignature)?;
                self.witnesses.push(Witness { name: (*name).to_owned(), key, url: url(rest)? });
            }
            ["group", name, needed, members @ ..] if !members.is_empty() => {
                self.is_free(name)?;
                let needed = match *needed {
                    "all" => members.len(),
                    "any" => 1,
                    many => number(many).and_then(|many| usize::try_from(many).ok()).unwrap_or(0),
                };
                if needed == 0 || needed > members.len() {
                    return Err(format!("`{name}` needs `all`, `any`, or 1 to {}", members.len()));
                }
                for member in members {
                    let has = |group: &Group| group.members.iter().any(|other| other == member);
                    let is_taken = || self.groups.iter().any(has);
                    let twice = members.iter().filter(|other| *other == member).count() > 1;
                    if !self.defines(member) || is_taken() || twice {
                        return Err(format!(
                            "`{member}` must stand before this, and in one group only"
                        ));
                    }
                }
                let members = members.iter().map(|member| (*member).to_owned()).collect();
                self.groups.push(Group { name: (*name).to_owned(), needed, members });
            }
            ["quorum", "none"] => return Ok(true),
            ["quorum", name] if self.defines(name) => {
                self.quorum = Some((*name).to_owned());
                return Ok(true);
            }
            ["quorum", name] => {
                return Err(format!("no witness or group `{name}` stands before this"));
            }
            _ => {
                return Err(
                    "expected `log`, `witness`, `group` or `quorum` with what belongs to it"
                        .to_owned(),
                );
            }
        }
        Ok(false)
    }

    fn is_free(&self, name: &str) -> Result<(), String> {
        let is_taken = name == "none" || self.defines(name);
        if is_taken { Err(format!("the name `{name}` is taken")) } else { Ok(()) }
    }

    /// A key that stands nowhere else, under whatever name.
    fn key(&self, text: &str, kind: KeyKind) -> Result<VerifierKey, String> {
        let key: VerifierKey = text.parse().map_err(|error: KeyError| error.to_string())?;
        let of_kind: Vec<_> = match kind {
            KeyKind::Ed25519 => self.logs().collect(),
            KeyKind::Cosignature => self.witnesses().map(|(key, _)| key).collect(),
        };
        if key.kind() != kind {
            return Err("a log has a key for signatures (01), a witness one for cosignatures (04)"
                .to_owned());
        }
        if of_kind.iter().any(|other| other.as_bytes() == key.as_bytes()) {
            return Err("this key stands in the policy already".to_owned());
        }
        Ok(key)
    }
}

fn url(rest: &[&str]) -> Result<Option<String>, String> {
    match rest {
        [] => Ok(None),
        [url] => Ok(Some((*url).to_owned())),
        _ => Err("there is something behind the address".to_owned()),
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::of_logs([]);
        let mut quorums = 0;
        let lines = text.split('\n').count();
        let error = |line, why: &str| PolicyError { line, why: why.to_owned() };
        if lines > MAX_LINES {
            return Err(error(lines, "a policy has at most 10,000 lines"));
        }
        for (line, number) in text.split('\n').zip(1..) {
            if line.bytes().any(|b| b != b'\t' && (b < 0x20 || b == 0x7f)) {
                return Err(error(number, "there is a control character"));
            }
            let words: Vec<_> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            match policy.read(&words) {
                Ok(is_quorum) => quorums += usize::from(is_quorum),
                Err(why) => return Err(PolicyError { line: number, why }),
            }
            if quorums > 1 {
                return Err(error(number, "there is one `quorum` already"));
            }
        }
        if quorums == 0 {
            return Err(error(lines, "there is no `quorum`; `quorum none` asks no witness"));
        }
        Ok(policy)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with =
            |url: &Option<String>| url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        for (key, url) in &self.logs {
            writeln!(f, "log {key}{}", with(url))?;
        }
        for Witness { name, key, url } in &self.witnesses {
            writeln!(f, "witness {name} {key}{}", with(url))?;
        }
        for Group { name, needed, members } in &self.groups {
            writeln!(f, "group {name} {needed} {}", members.join(" "))?;
        }
        writeln!(f, "quorum {}", self.quorum.as_deref().unwrap_or("none"))
    }
}
