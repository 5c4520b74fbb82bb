//! `audit verify-proof`

use std::io::Read as _;

use audit_core::merkle::leaf_hash;
use audit_core::note::Proof;

use crate::args::VerifyProof;
use crate::output::{Failure, answer, complain, printable};
use crate::{FINDINGS, OK, files};

/// Most bytes of an entry.
const MOST: u64 = 65_535;

pub(crate) fn run(args: &VerifyProof) -> Result<u8, Failure> {
    let policy = files::policy(&args.policy)?;
    let failed =
        |why: Box<dyn std::error::Error + Send + Sync>| Failure::File(args.proof.clone(), why);
    let text = std::fs::read_to_string(&args.proof).map_err(|why| failed(Box::new(why)))?;
    let proof: Proof = text.parse().map_err(|why| failed(Box::new(why)))?;
    let mut entry = Vec::new();
    std::io::stdin().take(MOST + 1).read_to_end(&mut entry)?;
    match proof.verify(leaf_hash(&entry), &policy) {
        Ok(trusted) => {
            let (origin, size) = (trusted.checkpoint.origin, trusted.checkpoint.size);
            let told = format!("entry {} of the first {size} of {origin}", proof.index);
            let seen = trusted.seen.iter().map(|(by, at)| format!("seen by {by} at {at:?}"));
            let lines: Vec<_> = std::iter::once(told).chain(seen).collect();
            answer(|out| lines.iter().try_for_each(|line| writeln!(out, "{}", printable(line))))?;
            Ok(OK)
        }
        Err(refused) => {
            complain(&failed(Box::new(refused)));
            Ok(FINDINGS)
        }
    }
}
