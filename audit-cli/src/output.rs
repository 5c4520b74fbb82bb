//! How the command talks.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anstream::AutoStream;
use audit_core::bundle::WriteError;
use audit_core::event::error_text;
use audit_core::follow::FollowError;
use audit_core::import::ImportError;
use audit_core::note::{NoteError, Refused};
use audit_core::prove::{DiscloseError, ProveError};
use audit_core::query::LanguageError;
use audit_core::signer::{FolderError, KeysError, SignError};
use audit_core::store::{RepairError, SearchError, StoreError};
use audit_core::{NotRecorded, ShutdownError, StartError};
use serde::Serialize;

use crate::paint::{BAD, painted};
use crate::witnesses::NotCosigned;

/// Why the command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address of the database.
    #[error(
        "`{0}` is no address of a database that this command knows: use `sqlite:PATH` or `postgres://..`"
    )]
    Url(String),
    /// What is asked for.
    #[error("the query cannot be read")]
    Language(#[from] LanguageError),
    /// Searching.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Reading on.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// Signing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A signer's keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Making tiles again.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// Proving.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// Disclosing.
    #[error(transparent)]
    Disclose(#[from] DiscloseError),
    /// Bringing in what another system has.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Beginning to record.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Recording.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// Coming to the end of recording.
    #[error(transparent)]
    Shutdown(#[from] ShutdownError),
    /// Writing a bundle.
    #[error(transparent)]
    Bundle(#[from] WriteError),
    /// A log that a bundle of all logs lacks.
    #[error(
        "no checkpoint of the log {0} is at hand, so it is not in the bundle: `audit sign` signs what it has come to"
    )]
    LeftOut(String),
    /// A kept checkpoint that is none.
    #[error("the latest checkpoint that is kept of the log {0} cannot be read: run `audit verify`")]
    KeptNote(String, #[source] NoteError),
    /// A kept checkpoint that is of another log.
    #[error(
        "what is kept as the latest checkpoint of the log {0} is one of {1}: run `audit verify`"
    )]
    KeptOther(String, String),
    /// Two places that cannot be told from one another in the list.
    #[error(
        "two places are noted as `{0}`: run `audit anchor` for one of them by another name, as through a script of its own"
    )]
    SamePlace(String),
    /// A log that is believed, and of which nothing is known.
    #[error(
        "no checkpoint is given for the log {0}, which the policy names: give the folder in which all are"
    )]
    NoCheckpoint(String),
    /// What is published is ahead of what would be signed.
    #[error(
        "FORKED: `{}` tells of more entries than are signed now, or of others: was the signer's folder brought back from a \
         backup?", .0.display()
    )]
    GoesBack(PathBuf),
    /// A policy that somebody has written.
    #[error("`{}` does not name all keys of the signer, or still one that was revoked, and is not only its own: make it fit what \
         `audit sign --into` writes into an empty folder", .0.display())]
    Policy(PathBuf),
    /// A signer's key that nobody believes any more.
    #[error(
        "`{0}` has the key {1}, which was revoked: was it brought back from a backup? Sign by the folder that came after it"
    )]
    RevokedKey(String, String),
    /// A witness does not vouch for a checkpoint.
    #[error("the witness {0} has not cosigned the log {1}")]
    Witness(String, String, #[source] Box<NotCosigned>),
    /// What would be published is not what verifiers accept.
    #[error("the new checkpoint of the log {0} is not published")]
    NotAccepted(String, #[source] Refused),
    /// A log that should be signed, and is not.
    #[error("no checkpoint of the log {0} is kept: `audit sign` signs what it has come to")]
    NotKept(String),
    /// What was brought to a place is ahead of what would be.
    #[error(
        "FORKED: more entries of the log {0}, or others, were told of to `{1}` than are signed now: was the database brought back \
         from a backup?"
    )]
    AnchorGoesBack(String, String),
    /// A place that has not taken a checkpoint.
    #[error("`{0}` has not taken the checkpoint: {1}")]
    Anchor(String, String),
    /// A file that cannot be read or written, or whose text is not what it should be.
    #[error("`{}`", .0.display())]
    File(PathBuf, #[source] Box<dyn Error + Send + Sync>),
    /// What stands at a URL cannot be had, or is not what it should be; or it does not take what is sent there.
    #[error("`{0}`")]
    Web(String, #[source] Box<dyn Error + Send + Sync>),
    /// What does not go together.
    #[error("{0}")]
    Asked(String),
    /// There is nothing to look at.
    #[error("there is no audit log in this database")]
    NoLog,
    /// A name, and what there is.
    #[error("there is no log `{0}` in this database: there are {1}")]
    NoSuchLog(String, String),
    /// The end of several names.
    #[error("`{0}` may be {1}: say more of the name")]
    ManyLogs(String, String),
    /// No checkpoint was kept.
    #[error("no checkpoint is kept here: `audit sign` signs what the logs have come to")]
    NotSigned,
    /// An entry that is asked for.
    #[error("there is no entry {0}")]
    NoEntry(String),
    /// Neither an id nor a place.
    #[error("`{0}` is no id of an event: give an id, or the name of a log and an index")]
    NoPlace(String),
    /// By SIGINT or SIGTERM.
    #[error("interrupted")]
    Interrupted,
    /// The terminal or pipe, or the runtime.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        Self::Keys(error.into())
    }
}

/// Prints an answer; its colours only where they are wanted. Whoever reads it may have seen enough before its end: that changes nothing about
/// the answer.
pub(crate) fn answer(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::new(AutoStream::auto(io::stdout().lock()));
    unless_closed(print(&mut out).and_then(|()| out.flush()))
}

/// Prints a line of JSON, from which nothing is taken as a colour.
pub(crate) fn answer_json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(io::Error::from)?;
    answer_bytes(format!("{line}\n").as_bytes())
}

/// Prints these bytes, and nothing but these.
pub(crate) fn answer_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    unless_closed(out.write_all(bytes).and_then(|()| out.flush()))
}

fn unless_closed(printed: io::Result<()>) -> Result<(), Failure> {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Says on stderr, in one line, what went wrong and why.
pub(crate) fn complain(failure: &Failure) {
    let (says, why) = (painted(BAD, "audit:"), printable(&error_text(failure)));
    // If nobody hears it, nobody can be told.
    let _ = writeln!(AutoStream::auto(io::stderr()), "{says} {why}");
}

/// A text that does to a terminal nothing but stand there: control characters and those that turn the
/// direction of writing are shown as escapes.
pub(crate) fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| -> String {
        if c.is_control() || turns(c) { c.escape_unicode().to_string() } else { c.into() }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_hostile_text_cannot_move_the_cursor_or_turn_the_line_around() {
        assert_eq!(
            printable("a\u{1b}[2J\u{202e}b\n\u{9b}ü"),
            "a\\u{1b}[2J\\u{202e}b\\u{a}\\u{9b}ü"
        );
    }
}
