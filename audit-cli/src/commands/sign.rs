//! `audit sign`

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use audit_core::event::error_text;
use audit_core::note::{Checkpoint, Policy, Revoked, SignedNote, VerifierKey};
use audit_core::signer::{DEFAULT_LEAVES, FolderError, SignError, Signatures, Signer};
use audit_core::store::{Reader, StoreErrorKind};
use serde_json::{Value, json};

use crate::args::Sign;
use crate::database::Database;
use crate::output::{Failure, answer, answer_json, complain, printable};
use crate::witnesses::Witnesses;
use crate::{COULD_NOT, FINDINGS, OK, files, stop, worse};

pub(crate) async fn run(args: Sign) -> Result<u8, Failure> {
    let reader = Database::of(&args.database_url)?.sign().await?;
    let signer = match args.adopt {
        true => Signer::adopt(reader.clone(), &args.keys).await?,
        false => Signer::open(reader.clone(), &args.keys).await?,
    };
    if let Some(into) = &args.into {
        let revoked = files::revoked(&into.join("policy"))?;
        // A list that was written by hand may be ahead of a signer that has the next key already.
        let is_good = |key: &VerifierKey| revoked.size(key).is_none();
        let has_next =
            |old: &VerifierKey| signer.keys().any(|key| key.name() == old.name() && is_good(key));
        if let Some(key) = signer.keys().find(|key| !is_good(key) && !has_next(key)) {
            let folder = args.keys.display().to_string();
            return Err(Failure::RevokedKey(folder, key.to_string()));
        }
    }
    // It is known also where folder and database have come back from one backup.
    let own = Policy::of_logs(signer.keys().cloned());
    let published: Vec<_> = args.into.iter().flat_map(|into| published(into, &own)).collect();
    let mut signer = signer.anchored(published);
    let mut witnessed = match &args.policy {
        Some(policy) => Some(Witnessed::new(reader, files::policy(policy)?, &args)),
        None => None,
    };
    let mut stopped = pin!(stop::asked()?);
    let (mut told, mut found) = (Told::default(), OK);
    loop {
        let code = tokio::select! {
            signed = sign(&mut signer, &mut witnessed, &mut told, &args) => signed?,
            () = &mut stopped => return Ok(found),
        };
        let Some(seconds) = args.every else {
            return Ok(code);
        };
        // A log that is not what it was, or a witness that says so, is in no other's way, and is not forgotten either.
        if code == FINDINGS {
            found = FINDINGS;
        }
        tokio::select! {
            () = signer.due(Duration::from_secs(seconds), DEFAULT_LEAVES) => {}
            () = &mut stopped => return Ok(found),
        }
    }
}

/// What was said in the rounds before.
#[derive(Default)]
struct Told {
    /// Once, and not each second.
    wrong: BTreeSet<String>,
    signed: Vec<Checkpoint>,
}

/// Signs what there is, and says so. What may be better the next time is told, and no error.
async fn sign(
    signer: &mut Signer,
    witnessed: &mut Option<Witnessed>,
    told: &mut Told,
    args: &Sign,
) -> Result<u8, Failure> {
    let known: Vec<_> = signer.keys().cloned().collect();
    let Signatures { notes, refused, unkept, unsaid } = match signer.sign().await {
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
        if told.wrong.insert(why.to_string()) {
            complain(&why.into());
        }
    }
    for why in unkept {
        code = worse(code, not_kept(why.into(), &mut told.wrong));
    }
    for why in unsaid {
        code = worse(code, COULD_NOT);
        complain(&why.into());
    }
    if let Some(into) = &args.into {
        let policy = signer.policy();
        code = worse(code, prepare(into, &policy, args.policy.as_deref().zip(witnessed.as_ref())));
        if let Some(witnessed) = witnessed {
            witnessed.witnesses.begin_round();
        }
        // Each as soon as it can be: no log waits for the witnesses of another.
        for note in notes.iter().cloned() {
            let accepted = match witnessed {
                Some(witnessed) => {
                    let note = witnessed.cosigned(note, &mut code).await;
                    if let Err(why) = signer.keep_cosigned(&note).await {
                        code = worse(code, not_kept(why, &mut told.wrong));
                    }
                    witnessed.accepted(note, &mut code)
                }
                None => Some(note),
            };
            if let Some(note) = accepted {
                code = worse(code, publish(into, &policy, &note));
            }
        }
    }
    let keys: Vec<_> = signer.keys().filter(|key| !known.contains(key)).collect();
    let signed: Vec<Checkpoint> =
        notes.iter().filter_map(|note| note.text().parse().ok()).collect();
    let grown: Vec<_> = signed.iter().filter(|now| !told.signed.contains(now)).collect();
    match args.json {
        true if keys.is_empty() && grown.is_empty() => {}
        true => {
            let keys = keys.iter().map(ToString::to_string).collect::<Value>();
            answer_json(
                &json!({"keys": keys, "signed": grown.iter().map(as_json).collect::<Value>()}),
            )?;
        }
        false => answer(|out| {
            for key in &keys {
                writeln!(out, "new key {}", printable(&key.to_string()))?;
            }
            for Checkpoint { origin, size, root, .. } in &grown {
                writeln!(out, "{}", printable(&format!("{origin} {size} {root}")))?;
            }
            Ok(())
        })?,
    }
    told.signed = signed;
    Ok(code)
}

fn as_json(Checkpoint { origin, size, root, .. }: &&Checkpoint) -> Value {
    json!({"log": origin, "size": size, "root": root.to_string()})
}

/// What stands in a folder already of this signer's.
fn published(into: &Path, policy: &Policy) -> Vec<Checkpoint> {
    let files = files::checkpoints(into).unwrap_or_default();
    files.iter().filter_map(|file| files::checkpoint(file, policy).ok()).collect()
}

/// What the witnesses of a policy must have seen before others do.
struct Witnessed {
    reader: Reader,
    policy: Policy,
    witnesses: Witnesses,
}

impl Witnessed {
    fn new(reader: Reader, policy: Policy, args: &Sign) -> Self {
        let witnesses = Witnesses::of(&policy, Duration::from_secs(args.witness_deadline));
        Self { reader, policy, witnesses }
    }

    /// The checkpoint with all cosignatures that there are. Whoever has not cosigned is told of.
    async fn cosigned(&mut self, note: SignedNote, code: &mut u8) -> SignedNote {
        let log = files::origin(&note).to_owned();
        let (note, failed) = self.witnesses.cosigned(&self.reader, note).await;
        for (name, why) in failed {
            *code = worse(*code, if why.is_finding() { FINDINGS } else { COULD_NOT });
            complain(&Failure::Witness(name, log.clone(), Box::new(why)));
        }
        note
    }

    /// The checkpoint, if these are enough.
    fn accepted(&self, note: SignedNote, code: &mut u8) -> Option<SignedNote> {
        match self.policy.check(&note) {
            Ok(_) => Some(note),
            Err(why) => {
                *code = worse(*code, COULD_NOT);
                complain(&Failure::NotAccepted(files::origin(&note).to_owned(), why));
                None
            }
        }
    }
}

/// Whether a database that comes back, or room on a disk, is all that it takes.
fn may_pass(why: &SignError) -> bool {
    match why {
        SignError::Folder(FolderError::Io { source, .. }) => {
            matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        }
        SignError::Leased { .. } => true,
        SignError::Store(why) => {
            matches!(why.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Locked)
        }
        // Of a name that anybody may have given it: no reason to stop.
        SignError::NoKey(_) => true,
        _ => false,
    }
}

/// Says why the store has not kept something, and what that weighs. Whoever may only read there signs all the same, and is told
/// of it once.
fn not_kept(why: SignError, told: &mut BTreeSet<String>) -> u8 {
    let is_denied = matches!(&why, SignError::Store(why) if why.kind() == StoreErrorKind::Denied);
    if !is_denied || told.insert(error_text(&why)) {
        complain(&why.into());
    }
    if is_denied { OK } else { COULD_NOT }
}

/// Says what did not come to be, and what that weighs.
fn weight_of(done: Result<(), impl Into<Failure>>, weight: u8) -> u8 {
    match done {
        Ok(()) => OK,
        Err(why) => {
            complain(&why.into());
            weight
        }
    }
}

/// Makes the folder, and writes what verifiers need beside the checkpoints.
fn prepare(into: &Path, policy: &Policy, demanded: Option<(&Path, &Witnessed)>) -> u8 {
    let made = fs::create_dir_all(into);
    let made = made.map_err(|why| Failure::File(into.to_owned(), Box::new(why)));
    let demanded = demanded.map(|(path, witnessed)| (path, &witnessed.policy));
    let published = publish_policy(&into.join("policy"), policy, demanded);
    worse(weight_of(made, COULD_NOT), weight_of(published, COULD_NOT))
}

fn publish(into: &Path, policy: &Policy, note: &SignedNote) -> u8 {
    let published = files::publish(into, policy, note);
    let weight = if matches!(published, Err(Failure::GoesBack(_))) { FINDINGS } else { COULD_NOT };
    weight_of(published, weight)
}

/// Writes whom to believe, and what was revoked: what is demanded of the checkpoints here, or the signer's keys. Who has
/// added witnesses to these keeps them, and is told of new keys.
fn publish_policy(
    path: &Path,
    policy: &Policy,
    demanded: Option<(&Path, &Policy)>,
) -> Result<(), Failure> {
    let (beside, is_there) = (files::revoked_beside(path), files::is_there(path));
    // A list that comes back from a backup makes no key good again.
    let known = if is_there { files::policy(path).ok() } else { Some(policy.clone()) };
    let there = known.ok_or_else(|| Failure::Policy(path.to_owned()))?;
    let with = |revoked: Revoked, (key, size): (&VerifierKey, u64)| revoked.with(key.clone(), size);
    let given = demanded.iter().flat_map(|(_, demanded)| demanded.revoked().iter());
    let revoked = policy.revoked().iter().chain(given).fold(there.revoked().clone(), with);
    if !revoked.is_empty() && (!files::is_there(&beside) || revoked != *there.revoked()) {
        files::write(&beside, &revoked.to_string())?;
    }
    let names_keys = |other: &Policy| {
        let is_known = |key: &VerifierKey| other.logs().any(|other| other == key);
        policy.logs().all(is_known) && !other.logs().any(|key| revoked.size(key).is_some())
    };
    if let Some((file, _)) = demanded.filter(|(_, demanded)| !names_keys(demanded)) {
        return Err(Failure::Policy(file.to_owned()));
    }
    let wanted = demanded.map_or(policy, |(_, demanded)| demanded).to_string();
    if is_there && there.to_string() == wanted {
        return Ok(());
    }
    // As the signer writes it: its keys, its cosigners, and nothing else.
    let cosigners = policy.witnesses().filter(|ours| there.witnesses().any(|other| other == *ours));
    let cosigners = cosigners.map(|(key, _)| key.clone());
    let plain = cosigners.fold(Policy::of_logs(there.logs().cloned()), Policy::with_witness);
    let is_ours = plain.to_string() == there.to_string();
    match is_ours || demanded.is_some() {
        true => files::write(path, &wanted),
        false if names_keys(&there) => Ok(()),
        false => Err(Failure::Policy(path.to_owned())),
    }
}
