//! `audit verify-bundle`

use std::fs::File;
use std::path::PathBuf;

use audit_core::bundle::{Bundled, policy_in, verify};
use audit_core::note::Policy;
use serde_json::{Value, json};

use crate::output::{Failure, answer, answer_json, complain, printable};
use crate::{FINDINGS, OK, files};

const EXAMPLES: &str = "\
Examples:
  audit verify-bundle january.bundle --policy policy

The policy must come on another way than the bundle: whoever makes a bundle could put any keys into it. Of a bundle that is
right, each log's entries are all that the log has in this range, each in its place, to the byte as they were signed. What they say can be
read with any tar: `tar -xOf january.bundle --wildcards '0/entries/*'`.

Exit code: 1 where the entries are not what was signed, 2 where this is no whole bundle.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct VerifyBundle {
    /// What `audit export --bundle` has written.
    #[arg(value_name = "FILE")]
    bundle: PathBuf,
    /// The logs and witnesses that are believed, as `audit sign --into` writes them.
    #[arg(long, value_name = "FILE", required_unless_present = "own_policy")]
    policy: Option<PathBuf>,
    /// Believes the policy in the bundle. That tells whether the bundle is whole, and not who made it.
    #[arg(long, conflicts_with = "policy")]
    own_policy: bool,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &VerifyBundle) -> Result<u8, Failure> {
    let failed = |why| Failure::File(args.bundle.clone(), why);
    let open = || File::open(&args.bundle).map_err(|why| failed(Box::new(why)));
    let policy = match &args.policy {
        Some(policy) => files::policy(policy)?,
        None => policy_in(open()?).map_err(|why| failed(Box::new(why)))?,
    };
    let found = match verify(open()?, &policy) {
        Ok(found) => found,
        Err(why) if why.is_finding() => {
            complain(&failed(Box::new(why)));
            return Ok(FINDINGS);
        }
        Err(why) => return Err(failed(Box::new(why))),
    };
    if args.json {
        let logs: Vec<_> = found.iter().map(as_json).collect();
        let against = if args.own_policy { "the bundle's own policy" } else { "the policy" };
        let keys: Vec<_> = policy.logs().map(ToString::to_string).collect();
        answer_json(&json!({ "against": against, "keys": keys, "logs": logs }))?;
    } else {
        let lines = found.iter().flat_map(told).chain(by(&policy, args.own_policy));
        let lines: Vec<_> = lines.collect();
        answer(|out| lines.iter().try_for_each(|line| writeln!(out, "{}", printable(line))))?;
    }
    Ok(OK)
}

fn told(log: &Bundled) -> Vec<String> {
    let Bundled { trusted, entries, openings } = log;
    let (origin, size) = (&trusted.checkpoint.origin, trusted.checkpoint.size);
    let (first, end) = (entries.start, entries.end);
    let what =
        format!("entries {first} to {end} of the first {size} of {origin}, as they were signed");
    let values = match openings {
        0 => String::new(),
        count => format!("; {count} personal values, as the entries commit to them"),
    };
    let seen = trusted.seen.iter().map(|(by, at)| format!("seen by {by} at {at:?}"));
    std::iter::once(what + &values).chain(seen).collect()
}

/// By whose word.
fn by(policy: &Policy, is_own: bool) -> Vec<String> {
    if !is_own {
        return Vec::new();
    }
    let warning =
        "by the bundle's own policy: compare its keys with those that you have from elsewhere";
    let keys = policy.logs().map(|key| format!("  {key}"));
    std::iter::once(warning.to_owned()).chain(keys).collect()
}

fn as_json(log: &Bundled) -> Value {
    let Bundled { trusted, entries, openings } = log;
    json!({
        "log": trusted.checkpoint.origin,
        "first": entries.start,
        "end": entries.end,
        "size": trusted.checkpoint.size,
        "root": trusted.checkpoint.root.to_string(),
        "openings": openings,
        "seen": trusted.seen.iter().map(|(by, at)| json!({ "by": by, "at": at })).collect::<Vec<_>>(),
    })
}
