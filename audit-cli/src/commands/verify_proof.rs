//! `audit verify-proof`

use std::error::Error;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use audit_core::merkle::leaf_hash;
use audit_core::note::{Policy, Proof, Trusted};
use audit_core::prove::{Disclosure, DisclosureError};

use crate::output::{Failure, answer, complain, printable};
use crate::{COULD_NOT, FINDINGS, OK, files};

/// Most bytes of an entry.
const MOST: u64 = 65_535;

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyProof {
    /// The logs and witnesses that are believed, as `audit sign --into` writes them.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The proof, of the entry on stdin.
    #[arg(long, value_name = "FILE", required_unless_present = "disclosure")]
    proof: Option<PathBuf>,
    /// What `audit disclose` has printed, which has entry and proof in it, in the place of a proof.
    #[arg(long, value_name = "FILE", conflicts_with = "proof")]
    disclosure: Option<PathBuf>,
}

pub(crate) fn run(args: &VerifyProof) -> Result<u8, Failure> {
    let policy = files::policy(&args.policy)?;
    match (&args.disclosure, &args.proof) {
        (Some(path), _) => disclosure(path, &policy),
        (None, Some(path)) => proof(path, &policy),
        // The arguments are not taken without one of both.
        (None, None) => Ok(COULD_NOT),
    }
}

fn proof(path: &Path, policy: &Policy) -> Result<u8, Failure> {
    let proof: Proof = files::parsed(path)?;
    let mut entry = Vec::new();
    std::io::stdin().take(MOST + 1).read_to_end(&mut entry)?;
    match proof.verify(leaf_hash(&entry), policy) {
        Ok(trusted) => told(place(&trusted, proof.index), &trusted),
        Err(refused) => Ok(not_right(path, refused)),
    }
}

fn disclosure(path: &Path, policy: &Policy) -> Result<u8, Failure> {
    let disclosure: Disclosure = files::parsed(path)?;
    match disclosure.verify(policy) {
        Ok(shown) => {
            let value = shown.event.pointer(&shown.pointer).cloned().unwrap_or_default();
            let place = place(&shown.trusted, shown.index);
            told(format!("{place}: {} is {value}", shown.pointer), &shown.trusted)
        }
        Err(why @ DisclosureError::Form) => Err(Failure::File(path.to_owned(), Box::new(why))),
        Err(refused) => Ok(not_right(path, refused)),
    }
}

fn place(trusted: &Trusted, index: u64) -> String {
    let (origin, size) = (&trusted.checkpoint.origin, trusted.checkpoint.size);
    format!("entry {index} of the first {size} of {origin}")
}

fn told(what: String, trusted: &Trusted) -> Result<u8, Failure> {
    let seen = trusted.seen.iter().map(|(by, at)| format!("seen by {by} at {at:?}"));
    let lines: Vec<_> = std::iter::once(what).chain(seen).collect();
    answer(|out| lines.iter().try_for_each(|line| writeln!(out, "{}", printable(line))))?;
    Ok(OK)
}

fn not_right(path: &Path, why: impl Error + Send + Sync + 'static) -> u8 {
    complain(&Failure::File(path.to_owned(), Box::new(why)));
    FINDINGS
}
