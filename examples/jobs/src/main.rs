//! A nightly job: no request at hand, functions that are not async, a change of a type of one's own, a future that
//! cannot be annotated, work on another thread.

use std::error::Error;
use std::time::Duration;

use audit_core::store::MemoryStore;
use audit_core::{
    AuditAction, AuditContext, AuditError, Auditable, ErrorInfo, Event, Query, Recorder, Verdict,
    audited,
};

/// All that this program does, by name.
#[derive(AuditAction)]
#[audit(prefix = "account", category = "billing")]
enum Action {
    Charge,
    #[audit(sensitivity = high, alert)]
    Close,
    Report,
}

#[derive(Auditable, Clone)]
#[audit(resource = "account")]
struct Account {
    #[audit(id)]
    id: u64,
    cents: i64,
    #[audit(personal)]
    owner: String,
    #[audit(redact)]
    token: String,
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("account {0} is overdrawn")]
    Overdrawn(u64),
    #[error("account {0} is frozen")]
    Frozen(u64),
}

impl AuditError for Refused {
    fn verdict(&self) -> Verdict {
        let error = ErrorInfo::of(self);
        match self {
            Self::Overdrawn(_) => Verdict::failure(error.code("account.overdrawn")),
            Self::Frozen(_) => Verdict::denied(error.code("account.frozen")),
        }
    }
}

/// Not async. What it changes it says itself.
#[audited(action = Action::Charge, message = "a fee of {cents} cents", reason = "monthly fee")]
fn charge(account: &mut Account, cents: i64) -> Result<(), Refused> {
    if account.cents < cents {
        return Err(Refused::Overdrawn(account.id));
    }
    let before = account.clone();
    account.cents -= cents;
    account.token = format!("t-{}", account.cents);
    audit_core::current().change(&before, account);
    Ok(())
}

#[audited(action = Action::Close, resource = "account", resource_id = account.id)]
async fn close(account: Account) -> Result<(), Refused> {
    Err(Refused::Frozen(account.id))
}

#[audited(action = Action::Report, tags("report"))]
fn report() {}

/// Somebody else's.
async fn upload() -> Result<(), std::io::Error> {
    Err(std::io::Error::other("the archive does not answer"))
}

async fn nightly() -> Result<(), Box<dyn Error>> {
    let mut account =
        Account { id: 7, cents: 150, owner: "Ada".to_owned(), token: "t-150".to_owned() };
    charge(&mut account, 100)?;
    charge(&mut account, 100).ok();
    close(account).await.ok();
    audited(Event::builder("report.upload"), upload()).await.ok();
    let audit = audit_core::current();
    tokio::task::spawn_blocking(move || audit.in_scope(report)).await?;
    Ok(())
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this is what the example is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let recorder =
        Recorder::builder(MemoryStore::new()).origin("jobs.example/audit").start().await?;
    AuditContext::system("nightly").scope(&recorder, nightly()).await?;
    recorder.shutdown(Duration::from_secs(10)).await?;

    for entry in
        recorder.reader().search(&Query::new().actor("nightly")).await?.entries.iter().rev()
    {
        let of =
            |pointer| entry.event().pointer(pointer).map_or("-".to_owned(), ToString::to_string);
        println!("{} {} {}", of("/action"), of("/outcome"), of("/changes"));
    }
    Ok(())
}
