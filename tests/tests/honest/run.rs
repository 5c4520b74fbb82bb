//! A run: what happens, in which order, and what verification says of it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use audit_core::store::Reader;
use audit_core::verify::{Against, FindingKind, Report, Verification};
use tokio::task::spawn_blocking;

use super::database::Database;
use super::service::Service;
use super::signers::Signers;
use crate::process::Writer;
use crate::{Dice, seeds};

/// What happens at least once in each run.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The recorder works, and the log is signed and verified meanwhile.
    Load,
    /// The recorder is shut down, and another one comes in its place.
    Restart,
    /// One more process, which is killed while both record.
    Kill,
    /// One more process, which is a real one, and is killed by SIGKILL.
    KillAnother,
    /// One more process, which comes to its end.
    Another,
    Sign,
    Verify,
    RestartSigner,
    CopyFolder,
    RestoreFolder,
    ChangeKey,
    SecondSigner,
}

use Step::{
    Another, ChangeKey, CopyFolder, Kill, KillAnother, Load, Restart, RestartSigner, RestoreFolder,
    SecondSigner, Sign, Verify,
};

const STEPS: [Step; 15] = [
    Load,
    Load,
    Restart,
    Kill,
    KillAnother,
    Another,
    Sign,
    Verify,
    RestartSigner,
    CopyFolder,
    RestoreFolder,
    RestoreFolder,
    ChangeKey,
    ChangeKey,
    SecondSigner,
];

/// Signs of life of recorders that live, which nobody waits for here, and of those that are killed.
const SELDOM: Duration = Duration::from_secs(300);
const OFTEN: Duration = Duration::from_millis(20);

/// What each task of a recorder does under load.
const EVENTS: usize = 50;

/// Between two rounds of the signer, and of who verifies meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// So many entries have a tile.
const MANY: u64 = 256;

struct Run {
    dice: Dice,
    database: Arc<Database>,
    reader: Reader,
    signers: Signers,
    service: Service,
    killed: BTreeSet<String>,
    done: Done,
}

/// What has happened in a run. Told where it fails.
struct Done {
    seed: u64,
    steps: Vec<Step>,
}

impl Drop for Done {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("AUDIT_SEED={} fails in the last of {:?}, or after it", self.seed, self.steps);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_those_who_record_and_sign_an_honest_log_has_no_finding() {
    for seed in seeds() {
        let Some(database) = Database::new().await else { return };
        let mut run = Run::new(seed, database).await;
        // Each one at its own place in an order of this run's own.
        let mut left = STEPS.to_vec();
        while !left.is_empty() {
            let step = left.swap_remove(run.dice.below(left.len()));
            run.done.steps.push(step);
            run.step(step).await;
        }
        run.end().await;
    }
}

impl Run {
    async fn new(seed: u64, database: Database) -> Self {
        let (mut dice, database) = (Dice::new(seed), Arc::new(database));
        let reader = Reader::new(database.store().await);
        // Before the first entry.
        let mut signers = Signers::new(reader.clone()).await;
        let service = Service::start(&database, "service-0".to_owned(), SELDOM).await;
        service.record(&mut dice, 20).await;
        signers.sign(&mut dice).await;
        signers.copy_folder();
        let (killed, done) = (BTreeSet::new(), Done { seed, steps: Vec::new() });
        Self { dice, database, reader, signers, service, killed, done }
    }

    async fn step(&mut self, step: Step) {
        let dice = &mut self.dice;
        let number = self.done.steps.len();
        match step {
            Load => self.load().await,
            Restart => {
                let next =
                    Service::start(&self.database, format!("service-{number}"), SELDOM).await;
                std::mem::replace(&mut self.service, next).stop().await;
            }
            Kill => {
                let killed =
                    Service::start(&self.database, format!("killed-{number}"), OFTEN).await;
                self.killed.insert(killed.name.clone());
                killed.kill(dice).await;
            }
            KillAnother => {
                let (writer, some) = (writer(&self.database, number, 5_000), dice.below(100));
                let killed = spawn_blocking(move || writer.kill_after(some));
                killed.await.unwrap();
            }
            Another => {
                let writer = writer(&self.database, number, 50);
                let said = spawn_blocking(|| writer.wait()).await.unwrap();
                assert_eq!((said.done.len(), said.doubt.len()), (50, 0));
            }
            Sign => self.signers.sign(dice).await,
            Verify => verified(&self.signers.outside.verification(&self.reader)).await,
            RestartSigner => self.signers.restart(dice).await,
            CopyFolder => self.signers.copy_folder(),
            RestoreFolder => self.signers.restore_folder(dice).await,
            ChangeKey => self.signers.change_key(dice).await,
            SecondSigner => self.signers.sign_second(dice).await,
        }
    }

    async fn load(&mut self) {
        let Self { dice, signers, service, reader, .. } = self;
        let verification = signers.outside.verification(reader);
        let (is_over, mut own_dice) = (Cell::new(false), Dice::new(dice.seed()));
        let load = async {
            service.record(dice, EVENTS).await;
            is_over.set(true);
        };
        let signing = async {
            while !is_over.get() {
                signers.sign(&mut own_dice).await;
                tokio::time::sleep(PAUSE).await;
            }
        };
        let verifying = async {
            while !is_over.get() {
                verified(&verification).await;
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::join!(load, signing, verifying);
    }

    /// All are stopped, all is signed, and nothing is found but who was killed.
    async fn end(mut self) {
        self.service.stop().await;
        self.signers.sign_all(&mut self.dice).await;
        let verification = self.signers.outside.verification(&self.reader);
        let verification = verification.unsealed_after(Duration::ZERO);
        // How long they have been silent is a matter of time.
        let report = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                let report = verification.run().await.unwrap();
                if unclean(&report) == self.killed {
                    return report;
                }
            }
        });
        let report = report.await.expect("those who were killed are told of");
        let sizes = report.logs.iter().map(|log| log.size.unwrap());
        assert!(report.logs.len() == 5 && sizes.clone().max() > Some(MANY), "{report}");
        for (log, size) in report.logs.iter().zip(sizes) {
            assert_eq!(log.against, Against::Checkpoint { size }, "{report}");
            assert!(log.kept > 0, "{report}");
        }
    }
}

/// A program that records so many events, in two tasks, into the logs without a tenant.
fn writer(database: &Database, number: usize, jobs: usize) -> Writer {
    let class = |job: usize| if job.is_multiple_of(5) { " security" } else { "" };
    let jobs = (0..jobs).map(|job| format!("{} {job}{}", job % 2, class(job)));
    Writer::start(&database.url, &format!("writer-{number}"), jobs)
}

/// Verifies while others are at work.
async fn verified(verification: &Verification) {
    let report = verification.run().await.unwrap();
    let unclean = unclean(&report);
    assert!(unclean.iter().all(|name| name.starts_with("killed-")), "{report}");
}

/// Those of which a report tells that they have not stopped. It tells of nothing else.
#[track_caller]
fn unclean(report: &Report) -> BTreeSet<String> {
    assert!(report.is_clean(), "{report}");
    let names = report.findings().map(|finding| {
        assert_eq!(finding.kind, FindingKind::UncleanStop, "{report}");
        let (name, _) = finding.detail.strip_prefix("producer ").unwrap().split_once(' ').unwrap();
        name.to_owned()
    });
    names.collect()
}
