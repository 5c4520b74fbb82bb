//! A process that writes into logs, for tests with several of them.
//!
//! `writer <database> <name> [<spool>]` reads its work from its input, a job on each line: `<task> <number>`, and if the
//! event has them, `<retention class>` and `<tenant>`. Each task records its events durably, several at a time.
//! For each event that is acknowledged, it says `done` and the job; for each that is in doubt, `doubt`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead as _, Write as _};
use std::time::Duration;

use audit_core::store::{PostgresStore, SqliteSpool, SqliteStore};
use audit_core::{Actor, Event, EventBuilder, Recorder};
use futures::stream::{self, StreamExt as _};
use tokio::task::JoinSet;

/// Events of one task that are under way at the same time.
const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(database), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: writer <database> <name> [<spool>]".into());
    };
    let recorder = match database.starts_with("postgres:") {
        true => Recorder::builder(PostgresStore::open(&database).await?),
        false => Recorder::builder(SqliteStore::open(&database).await?),
    };
    let recorder = recorder.origin("test.example/audit").producer(&name);
    let recorder = recorder.shard_by(|event| event.tenant().map(str::to_owned));
    let recorder = match arguments.next() {
        Some(spool) => recorder.spool(SqliteSpool::open(&spool).await?),
        None => recorder,
    };
    let recorder = recorder.start().await?;

    let mut jobs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in io::stdin().lock().lines() {
        let job = job?;
        let task = job.split(' ').next().unwrap_or_default().to_owned();
        jobs.entry(task).or_default().push(job);
    }
    let mut tasks = JoinSet::new();
    for jobs in jobs.into_values() {
        tasks.spawn(work(recorder.clone(), name.clone(), jobs));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    recorder.shutdown(Duration::from_secs(60)).await?;
    Ok(())
}

async fn work(recorder: Recorder, name: String, jobs: Vec<String>) -> io::Result<()> {
    let recorded = stream::iter(jobs).map(|job| {
        let (recorder, event) = (&recorder, event(&name, &job));
        async move { (recorder.record_durable(event).await, job) }
    });
    let mut recorded = recorded.buffer_unordered(AT_ONCE);
    while let Some((answer, job)) = recorded.next().await {
        match answer {
            Ok(_) => writeln!(io::stdout(), "done {job}")?,
            Err(error) => {
                writeln!(io::stderr(), "{error}")?;
                writeln!(io::stdout(), "doubt {job}")?;
            }
        }
    }
    Ok(())
}

fn event(name: &str, job: &str) -> EventBuilder {
    let event = Event::builder("job.done").actor(Actor::service(name)).label("job", job);
    let mut words = job.split(' ').skip(2);
    let event = words.next().map(str::to_owned).into_iter().fold(event, EventBuilder::retention);
    words.next().into_iter().fold(event, EventBuilder::tenant)
}
