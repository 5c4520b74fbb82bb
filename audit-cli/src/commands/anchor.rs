//! `audit anchor`

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::note::{Checkpoint, Policy, SignedNote};
use audit_core::store::{Anchor, LogId, Store};
use clap::ArgGroup;
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::database::Database;
use crate::output::{Failure, answer, complain, printable};
use crate::{COULD_NOT, FINDINGS, OK, files, stop, web, worse};

const EXAMPLES: &str = "\
Examples:
  audit anchor --policy policy --into /mnt/vault/checkpoints --every 3600
  audit anchor --policy policy --url https://notary.example/checkpoints
  audit anchor --policy policy --command 'git -C /srv/anchors commit --allow-empty --file=-'

A checkpoint proves something only where the database's administrator does not write: this brings there the latest ones
that are kept beside the logs, by whomever they were signed. `audit checkpoint --json` tells where they were brought.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group(ArgGroup::new("places").required(true).multiple(true).args(["into", "url", "command"])))]
pub(crate) struct Args {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. Where a checkpoint was brought is noted there.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    /// The logs and witnesses that are believed. A checkpoint that it does not accept is brought nowhere.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Writes each checkpoint into this folder, a file each log, as `audit sign --into` does.
    #[arg(long, value_name = "FOLDER")]
    into: Vec<PathBuf>,
    /// Posts each checkpoint to this URL, as `text/plain`, and asks for a status of 2xx.
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Vec<String>,
    /// Gives each checkpoint to this command of the shell, on stdin, and asks for its exit code 0. It finds AUDIT_LOG, AUDIT_SIZE and
    /// AUDIT_ROOT in its environment. Only its first word is noted, and not that of a variable, so that no secret is.
    #[arg(long, value_name = "COMMAND")]
    command: Vec<String>,
    /// Goes on, and looks again after so many seconds, until it is interrupted.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// How long a place has to take a checkpoint.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    deadline: u64,
}

/// Where checkpoints are brought.
enum Place {
    Folder(PathBuf),
    Url(String),
    Command(String),
}

/// One of them, and what belongs to it.
struct Latest {
    note: SignedNote,
    checkpoint: Checkpoint,
}

pub(crate) async fn run(args: Args) -> Result<u8, Failure> {
    let store = Database::of(&args.database_url)?.write().await?;
    let mut policy = files::policy(&args.policy)?;
    let deadline = Duration::from_secs(args.deadline);
    let folders = args.into.into_iter().map(Place::Folder);
    let urls = args.url.into_iter().map(Place::Url);
    let places: Vec<_> =
        folders.chain(urls).chain(args.command.into_iter().map(Place::Command)).collect();
    // What one has been given, the other would seem to have.
    let mut names = BTreeSet::new();
    if let Some(place) = places.iter().find(|place| !names.insert(place.name())) {
        return Err(Failure::SamePlace(place.name()));
    }
    let mut stopped = pin!(stop::asked()?);
    let mut found = OK;
    loop {
        let code = tokio::select! {
            code = round(&*store, &policy, &places, deadline) => code?,
            () = &mut stopped => return Ok(found),
        };
        let Some(seconds) = args.every else {
            return Ok(code);
        };
        // A log that is not what it was is not forgotten.
        if code == FINDINGS {
            found = FINDINGS;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            () = &mut stopped => return Ok(found),
        }
        // Logs begin, and keys are made and revoked, while this goes on.
        match files::policy(&args.policy) {
            Ok(now) => policy = now,
            Err(why) => _ = told(why),
        }
    }
}

/// Brings what is new everywhere. What may be better the next time is told, and no error.
async fn round(
    store: &dyn Store,
    policy: &Policy,
    places: &[Place],
    deadline: Duration,
) -> Result<u8, Failure> {
    let mut code = OK;
    for log in policy.logs().map(|key| key.name()).collect::<BTreeSet<_>>() {
        let latest = match latest(store, policy, log).await {
            Ok(latest) => latest,
            Err(why) => {
                code = worse(code, told(why));
                continue;
            }
        };
        for place in places {
            match bring(store, policy, &latest, place, deadline).await {
                Ok(false) => {}
                Ok(true) => {
                    let Checkpoint { size, root, .. } = &latest.checkpoint;
                    let line = printable(&format!("{log} {size} {root} {}", place.name()));
                    answer(|out| writeln!(out, "{line}"))?;
                }
                Err(why) => code = worse(code, told(why)),
            }
        }
    }
    Ok(code)
}

/// The latest checkpoint of a log, if it is believed.
async fn latest(store: &dyn Store, policy: &Policy, log: &str) -> Result<Latest, Failure> {
    let kept = store.latest_checkpoint(LogId::of(log)).await?;
    let kept = kept.ok_or_else(|| Failure::NotKept(log.to_owned()))?;
    let note: SignedNote =
        kept.note.parse().map_err(|why| Failure::KeptNote(log.to_owned(), why))?;
    let trusted = policy.check(&note).map_err(|why| Failure::NotAccepted(log.to_owned(), why))?;
    // Whoever writes to the database can put that of another log there, so that nobody hears of this one any more.
    if trusted.checkpoint.origin != log {
        return Err(Failure::KeptOther(log.to_owned(), trusted.checkpoint.origin));
    }
    Ok(Latest { note, checkpoint: trusted.checkpoint })
}

/// Brings a checkpoint to a place, unless it is there already, and notes that.
async fn bring(
    store: &dyn Store,
    policy: &Policy,
    latest: &Latest,
    place: &Place,
    deadline: Duration,
) -> Result<bool, Failure> {
    let Checkpoint { origin, size, root, .. } = &latest.checkpoint;
    let (log, name) = (LogId::of(origin), place.name());
    let there = store.anchors(log).await?.into_iter().find(|there| there.place == name);
    if let Some(there) = there {
        match (there.size, there.root) == (*size, *root) {
            true if place.may_have(&latest.note) => return Ok(false),
            false if there.size >= *size => {
                return Err(Failure::AnchorGoesBack(origin.clone(), name));
            }
            _ => {}
        }
    }
    place.take(policy, latest, deadline).await?;
    let at = SystemClock::new().now();
    store.keep_anchor(log, &Anchor { place: name, size: *size, root: *root, at }).await?;
    Ok(true)
}

/// Says what did not come to be, and what that weighs.
fn told(why: Failure) -> u8 {
    complain(&why);
    match why {
        Failure::AnchorGoesBack(..) | Failure::GoesBack(_) | Failure::KeptOther(..) => FINDINGS,
        _ => COULD_NOT,
    }
}

impl Place {
    /// By what it is noted.
    fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Url(url) => web::public(url),
            // A variable that is set for it may well be a secret.
            Self::Command(command) => {
                let first = command.split_whitespace().next().filter(|word| !word.contains('='));
                format!("command {}", first.unwrap_or("sh"))
            }
        }
    }

    /// Whether it can be that a checkpoint was brought there, as is noted: whoever writes to the database can note it as well.
    fn may_have(&self, note: &SignedNote) -> bool {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(files::checkpoint_name(files::origin(note)));
                fs::read_to_string(path).is_ok_and(|there| there == note.to_string())
            }
            Self::Url(_) | Self::Command(_) => true,
        }
    }

    async fn take(
        &self,
        policy: &Policy,
        latest: &Latest,
        deadline: Duration,
    ) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => {
                let made = fs::create_dir_all(folder);
                made.map_err(|why| Failure::File(folder.clone(), Box::new(why)))?;
                files::publish(folder, policy, &latest.note)
            }
            Self::Url(url) => web::post(url, latest.note.to_string(), deadline).await,
            Self::Command(command) => {
                let failed = |why: String| Failure::Anchor(self.name(), why);
                match timeout(deadline, give(command, latest)).await {
                    Ok(Ok(None)) => Ok(()),
                    Ok(Ok(Some(how))) => Err(failed(how)),
                    Ok(Err(why)) => Err(failed(why.to_string())),
                    Err(_) => {
                        Err(failed(format!("it has not ended within {} s", deadline.as_secs())))
                    }
                }
            }
        }
    }
}

/// A command and the processes that it has begun, which end when this is dropped.
#[cfg(unix)]
struct Group(Option<u32>);

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(id) = id {
            // It may have ended by itself by now.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// Gives a checkpoint to a command; answers with how it ended, if not well.
async fn give(command: &str, latest: &Latest) -> std::io::Result<Option<String>> {
    let Checkpoint { origin, size, root, .. } = &latest.checkpoint;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env("AUDIT_LOG", origin)
        .env("AUDIT_SIZE", size.to_string())
        .env("AUDIT_ROOT", root.to_string())
        .env_remove("AUDIT_DATABASE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    #[cfg(unix)]
    shell.process_group(0);
    let mut child = shell.spawn()?;
    #[cfg(unix)]
    let mut group = Group(child.id());
    if let Some(mut stdin) = child.stdin.take() {
        // What it does not want to read it need not read.
        let _ = stdin.write_all(latest.note.to_string().as_bytes()).await;
    }
    let status = child.wait().await?;
    // What it has left behind on purpose goes on.
    #[cfg(unix)]
    group.0.take();
    Ok((!status.success()).then(|| format!("it has ended with {status}")))
}

fn url(text: &str) -> Result<String, String> {
    match web::is_url(text) {
        true => Ok(text.to_owned()),
        false => Err("write `https://..` or `http://..`".to_owned()),
    }
}
