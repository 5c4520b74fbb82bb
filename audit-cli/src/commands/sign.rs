//! `audit sign`

use std::fs;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use audit_core::note::{Checkpoint, Policy, SignedNote};
use audit_core::signer::{SignError, Signatures, Signer};
use audit_core::store::{LogId, StoreErrorKind};

use crate::args::Sign;
use crate::database::Database;
use crate::output::{Failure, answer, complain, printable};
use crate::{COULD_NOT, FINDINGS, OK, files};

/// Longest name of a file, without its extension.
const MAX_NAME: usize = 200;

pub(crate) async fn run(args: Sign) -> Result<u8, Failure> {
    let reader = Database::of(&args.database_url)?.sign().await?;
    let mut signer = match args.adopt {
        true => Signer::adopt(reader, &args.keys).await?,
        false => Signer::open(reader, &args.keys).await?,
    };
    let mut stop = pin!(tokio::signal::ctrl_c());
    loop {
        let code = tokio::select! {
            signed = sign(&mut signer, &args) => signed?,
            stopped = &mut stop => return stopped.map(|()| OK).map_err(Failure::from),
        };
        let Some(seconds) = args.every.filter(|_| code != FINDINGS) else {
            return Ok(code);
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            stopped = &mut stop => return stopped.map(|()| OK).map_err(Failure::from),
        }
    }
}

/// Signs what there is, and says so. What may be better the next time is told, and no error.
async fn sign(signer: &mut Signer, args: &Sign) -> Result<u8, Failure> {
    let Signatures { notes, refused, unkept } = match signer.sign().await {
        Ok(signed) => signed,
        Err(why) if may_pass(&why) => {
            complain(&why.into());
            return Ok(COULD_NOT);
        }
        Err(why) => return Err(why.into()),
    };
    let mut code = OK;
    for why in refused {
        code = worse(code, if may_pass(&why) { COULD_NOT } else { FINDINGS });
        complain(&why.into());
    }
    for why in unkept {
        code = worse(code, COULD_NOT);
        complain(&why.into());
    }
    if let Some(into) = &args.into {
        code = worse(code, publish(into, &signer.policy(), &notes));
    }
    answer(|out| {
        for checkpoint in notes.iter().filter_map(checkpoint) {
            let Checkpoint { origin, size, root, .. } = checkpoint;
            writeln!(out, "{}", printable(&format!("{origin} {size} {root}")))?;
        }
        Ok(())
    })?;
    Ok(code)
}

/// Whether a database or a disk that comes back is all that it takes.
fn may_pass(why: &SignError) -> bool {
    match why {
        SignError::Store(why) => {
            matches!(why.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Locked)
        }
        _ => false,
    }
}

/// The code that weighs more.
fn worse(code: u8, other: u8) -> u8 {
    if code == FINDINGS || other == FINDINGS { FINDINGS } else { code.max(other) }
}

fn publish(into: &Path, policy: &Policy, notes: &[SignedNote]) -> u8 {
    let mut code = OK;
    let mut tell = |done: Result<(), Failure>, weight: u8| {
        if let Err(failure) = done {
            complain(&failure);
            code = worse(code, weight);
        }
    };
    let made = fs::create_dir_all(into);
    tell(made.map_err(|why| Failure::File(into.to_owned(), Box::new(why))), COULD_NOT);
    tell(publish_policy(&into.join("policy"), policy), COULD_NOT);
    for note in notes {
        let origin = note.text().lines().next().unwrap_or_default();
        let path = into.join(file_name(origin));
        match goes_back(&path, policy, note) {
            true => tell(Err(Failure::GoesBack(path)), FINDINGS),
            false => tell(files::write(&path, &note.to_string()), COULD_NOT),
        }
    }
    code
}

/// Writes the keys, if there are only keys; who has added witnesses keeps them, and is told of new keys.
fn publish_policy(path: &Path, policy: &Policy) -> Result<(), Failure> {
    let Ok(there) = files::policy(path) else {
        return if path.exists() {
            Err(Failure::Policy(path.to_owned()))
        } else {
            files::write(path, &policy.to_string())
        };
    };
    if policy.logs().all(|key| there.logs().any(|other| other == key)) {
        return Ok(());
    }
    let is_ours = Policy::of_logs(there.logs().cloned()).to_string() == there.to_string();
    if is_ours {
        files::write(path, &policy.to_string())
    } else {
        Err(Failure::Policy(path.to_owned()))
    }
}

/// Whether what is published already says that there was more, or something else.
fn goes_back(path: &Path, policy: &Policy, note: &SignedNote) -> bool {
    let (Ok(before), Some(now)) = (files::checkpoint(path, policy), checkpoint(note)) else {
        // A file of others, or a broken one, says nothing. One that is ours, by a key that is gone, cannot be told from it.
        return false;
    };
    before.size > now.size || (before.size == now.size && before.root != now.root)
}

fn checkpoint(note: &SignedNote) -> Option<Checkpoint> {
    note.text().parse().ok()
}

/// A log's name as that of a file: no two logs have the same.
pub(crate) fn file_name(origin: &str) -> String {
    let mut name = String::new();
    for byte in origin.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' => name.push(byte.into()),
            b'/' => name.push('-'),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    if name.len() > MAX_NAME {
        name = format!("%log-{:016x}", LogId::of(origin).0);
    }
    format!("{name}.checkpoint")
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn logs_have_files_of_their_own_that_stay_in_the_folder() {
        assert_eq!(file_name("a.example/audit/standard"), "a.example-audit-standard.checkpoint");
        let long = ["x".repeat(300), "y".repeat(300)];
        let names = ["a/b", "A/b", "a-b", "a%2db", "../a", "ä", &long[0], &long[1]].map(file_name);
        let mut distinct = names.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
        assert!(names.iter().all(|name| !name.contains('/') && name.len() < 255));
    }
}
