//! Disks that are full, under load: the database's, and then the spool's as well.
#![cfg(test)]

#[path = "support/load.rs"]
mod load;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod log;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_core::recorder::{DEFAULT_DEADLINE, NotRecorded};
use audit_core::store::SqliteSpool;
use audit_core::{AuditContext, Health, Recorder, audited};
use load::{Load, seconds};
use postgres_database::{Database, execute};
use serde_json::Value;
use tempfile::TempDir;
use test_postgres::Server;
use tokio::time::{sleep, timeout};

/// What the tests of transactions need beside.
const TABLES: &str = "SELECT 1";

/// Bytes that each event has beside what it must have.
const WEIGHT: usize = 1_200;

/// No table of the server grows beyond this; it is no multiple of a page.
const FULL: u64 = (16 << 20) + 4_096;

async fn recorder(database: &Database, folder: &TempDir) -> Recorder {
    let spool = folder.path().join("spool.db");
    let spool = SqliteSpool::open(spool.to_str().unwrap()).await.unwrap();
    let recorder = Recorder::builder(database.store().await).origin("test.example/audit");
    recorder.spool(spool).start().await.unwrap()
}

/// Waits until a recorder says something of itself.
async fn until(recorder: &Recorder, what: &str, is_so: impl Fn(&Health) -> bool) {
    let said = timeout(Duration::from_secs(60), async {
        while !is_so(&recorder.health()) {
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(said.await.is_ok(), "not {what}: {:?}", recorder.health());
}

fn is_full(health: &Health) -> bool {
    health.last_error.as_ref().is_some_and(|error| error.contains("disk is full"))
}

/// A load until a while after the disk is full, then for a second more: all of it ends in the log.
async fn assert_nothing_is_lost(recorder: Recorder, make_room: impl AsyncFnOnce()) {
    let load = Load::start(&recorder, WEIGHT);
    until(&recorder, "full", is_full).await;
    sleep(seconds(3)).await;
    let full = recorder.health();
    assert!(is_full(&full) && full.behind_since.is_some() && full.spooled > 0, "{full:?}");
    make_room().await;
    sleep(Duration::from_secs(1)).await;
    let done = load.end().await;
    load::brought_in(&recorder).await;
    until(&recorder, "well again", Health::is_good).await;
    let (events, longest) = (log::events(&recorder).await, done.longest);
    eprintln!(
        "{} events, of which {} waited in the spool when there was room again; the longest wait was {longest:?}",
        events.len(),
        full.spooled
    );
    assert!(longest <= DEFAULT_DEADLINE + Duration::from_millis(500), "{longest:?}");
    load::assert_all_in_order(&events, &done);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_with_a_full_disk_does_not_take_waits_in_the_spool() {
    if postgres_database::server().is_none() {
        return;
    }
    let mut server = Server::start().unwrap();
    let database = Database::on(&server.url("postgres")).await;
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(&database, &folder).await;
    server.limit_files(Some(FULL)).unwrap();
    assert_nothing_is_lost(recorder, async || server.limit_files(None).unwrap()).await;
}

/// A file system of 64 MiB that belongs to the owner of a folder; it is gone with this.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Nothing where this user may not mount.
    fn beside(folder: &Path) -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let owner = std::fs::metadata(folder).unwrap();
        std::fs::set_permissions(disk.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let how = format!("size=64m,mode=0700,uid={},gid={}", owner.uid(), owner.gid());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &how, "none"]).arg(disk.0.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(disk)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The server may still have files there: gone for others now, and for it when it ends.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// The same by a file system that is full. Mounting one needs root, so this is beside the other, and not in its place.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_on_a_small_file_system_does_not_take_waits_in_the_spool() {
    if std::env::var_os("AUDIT_SOAK").is_none() || postgres_database::server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let database = Database::on(&server.url("postgres")).await;
    let home = server.url("postgres");
    let (_, home) = home.split_once("?host=").unwrap();
    let Some(disk) = SmallDisk::beside(Path::new(home)) else {
        eprintln!("not done: this user may not mount a file system");
        return;
    };
    let place = disk.0.path().to_str().unwrap();
    let mut connection = database.connect().await;
    let tablespace = format!("CREATE TABLESPACE small LOCATION '{place}'");
    execute(&mut connection, &tablespace).await.unwrap();
    for kind in ["TABLE", "INDEX"] {
        let all = format!("ALTER {kind} ALL IN TABLESPACE pg_default SET TABLESPACE small");
        execute(&mut connection, &all).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(&database, &folder).await;
    // Most of the disk is somebody else's, until it is removed.
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![0; 58 << 20]).unwrap();
    assert_nothing_is_lost(recorder, async || std::fs::remove_file(ballast).unwrap()).await;
    drop((database, server));
}

static RUN: AtomicU64 = AtomicU64::new(0);

#[audited(action = "key.rotate", durability = strict)]
async fn rotate() -> Result<(), NotRecorded> {
    RUN.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Calls it until the recorder has lost many events; says how often it was refused.
async fn rotate_while_full(recorder: &Recorder) -> u64 {
    let mut refused = 0;
    while recorder.health().lost < 500 {
        match AuditContext::system("test").scope(recorder, rotate()).await {
            Err(NotRecorded::NotRun(_)) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_spool_is_full_as_well_it_fails_closed_and_each_loss_is_counted() {
    if postgres_database::server().is_none() {
        return;
    }
    let mut server = Server::start().unwrap();
    let database = Database::on(&server.url("postgres")).await;
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.db");
    let spool = SqliteSpool::open_with_limit(spool.to_str().unwrap(), 1 << 20).await.unwrap();
    let recorder = Recorder::builder(database.store().await).origin("test.example/audit");
    // A small queue is soon full, too; nobody waits for long for a place in it.
    let (deadline, wait) = (Duration::from_secs(2), Duration::from_millis(2));
    let recorder = recorder.spool(spool).queue_capacity(256).queue_wait(wait).deadline(deadline);
    let recorder = recorder.start().await.unwrap();

    let load = Load::start(&recorder, WEIGHT);
    until(&recorder, "at work", |health| health.appended > 500).await;
    server.kill().unwrap();
    until(&recorder, "full", is_full).await;
    let refused = timeout(Duration::from_secs(60), rotate_while_full(&recorder)).await.unwrap();
    sleep(seconds(2)).await;
    server.start_again().unwrap();
    load::brought_in(&recorder).await;
    until(&recorder, "well again", Health::is_good).await;
    sleep(Duration::from_secs(1)).await;
    let done = load.end().await;
    load::brought_in(&recorder).await;

    let (events, lost) = (log::events(&recorder).await, recorder.health().lost);
    let of = |action: &'static str| {
        let events = events.iter();
        events.filter(move |event| event["action"] == action)
    };
    let kept: BTreeSet<_> = of("order.place").map(load::id).collect();
    let gaps: Vec<&Value> = of("audit.gap").collect();
    let told: u64 = gaps.iter().map(|gap| gap["metadata"]["count"].as_u64().unwrap()).sum();
    let not_run = |why: &NotRecorded| matches!(why, NotRecorded::NotRun(_));
    let (stopped, in_doubt): (Vec<_>, Vec<_>) = done.refused.values().partition(|why| not_run(why));
    eprintln!(
        "{} recorded, {} refused, {} in doubt, {refused} not run; {} in the log, {} gaps tell of {told}; the longest \
         wait was {:?}",
        done.recorded.len(),
        stopped.len(),
        in_doubt.len(),
        kept.len(),
        gaps.len(),
        done.longest
    );
    assert!(done.longest <= deadline + Duration::from_millis(500), "{:?}", done.longest);

    // Closed: what must be recorded is refused, or not run, and what was not run is not in the log as if it had been.
    assert!(refused > 0 && !done.refused.is_empty());
    assert_eq!(RUN.load(Ordering::Relaxed), 0);
    assert!(
        of("key.rotate")
            .all(|event| event["stage"] == "begun" || event["error"]["code"] == "audit.not_run")
    );
    let ids = |refused: bool| {
        done.refused.iter().filter(move |(_, why)| not_run(why) == refused).map(|(id, _)| *id)
    };
    assert!(ids(true).all(|id| !kept.contains(&id)));

    // Exactly: what was accepted is in the log, or counted.
    let mut accepted = done.recorded.clone();
    accepted.extend(ids(false));
    assert!(lost > 0 && kept.is_subset(&accepted));
    assert_eq!((told, u64::try_from(accepted.len() - kept.len()).unwrap()), (lost, lost));
    // A durable one that was acknowledged is never among the lost: every second task's.
    let durable = done.recorded.iter().filter(|id| ((id.as_u128() - 1) >> 64).is_multiple_of(2));
    assert_eq!(durable.filter(|id| !kept.contains(id)).count(), 0);
}
