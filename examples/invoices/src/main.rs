//! A small invoicing service whose every operation leaves an entry in an audit log that can be verified.
//!
//! Here the log is opened before the first request and closed after the last one; `app.rs` puts the
//! audit layer around the routes; the handlers in the other files say with `#[audited]` what they do.

mod app;
mod audit_log;
mod auth;
mod db;
mod demo;
mod error;
mod invoices;
mod stop;

use std::error::Error;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use audit_core::event::error_text;
use audit_core::signer::{Signer, Signing};
use audit_core::store::{Reader, SqliteStore};
use audit_core::{Recorder, ShutdownError};
use audit_tower::SessionKey;
use clap::Parser;
use tokio::net::TcpListener;

use app::App;
use stop::StopSignal;

/// The name of the log, which entries, proofs and checkpoints carry: choose one for good.
const LOG_ORIGIN: &str = "invoices.example/audit";

/// How long requests have to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(30);

/// How long events have to get into the log after the last request.
const DRAIN: Duration = Duration::from_secs(10);

/// Invoices, with an audit log.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Folder of the database and the session key; created if it is missing.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Database of invoices and log, as `sqlite:PATH` [default: invoices.db in DIR].
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Key under which session ids are hashed for the log: 64 hexadecimal digits, made if the file is
    /// missing; give all hosts the same file, so that a session hashes alike on each [default:
    /// session.key in DIR].
    #[arg(long, value_name = "FILE")]
    session_key: Option<PathBuf>,
    /// Signs what is in the log already, although nothing in DIR says that it was signed: verify it before.
    #[arg(long)]
    adopt: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            // The first of several lines says what is wrong.
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            complain(&format!("{}; see --help", line.trim_start_matches("error: ")));
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run(args).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(lost)) => {
            complain(&lost.to_string());
            ExitCode::from(1)
        }
        Err(error) => {
            complain(&error_text(&*error));
            ExitCode::from(2)
        }
    }
}

/// Serves until it is told to stop. What comes back inside is how the log was closed.
async fn run(args: Args) -> Result<Result<(), ShutdownError>, Box<dyn Error>> {
    // Before anything is touched: a second instance on the same port shall not get further than this.
    let listener = TcpListener::bind(args.listen).await;
    let listener =
        listener.map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    let stop = StopSignal::listen()?;

    std::fs::create_dir_all(&args.data)
        .map_err(|error| format!("cannot create the folder {}: {error}", args.data.display()))?;
    let session_key =
        SessionKey::open(args.session_key.unwrap_or_else(|| args.data.join("session.key")))?;
    let database = database(args.database_url, &args.data)?;
    let invoices = db::open(&database).await;
    let invoices = invoices
        .map_err(|error| format!("cannot use the database {database}: {}", error_text(&*error)))?;

    // The log lives in the same file, on connections of its own.
    let log = SqliteStore::open(&database).await?;
    // Before the first entry: a database from an old backup is recognised by what was signed.
    let signer = args.data.join("signer");
    let mut signer = match args.adopt {
        true => Signer::adopt(Reader::new(log.clone()), signer).await?,
        false => Signer::open(Reader::new(log.clone()), signer).await?,
    };
    for wrong in signer.check().await? {
        complain(&error_text(&wrong));
    }
    let recorder = Recorder::builder(log.clone()).origin(LOG_ORIGIN).start().await?;

    // The checkpoints stand beside the log; a real service also brings them to where its administrators do not write.
    let signing = Signing::start(signer, |_signed| {})?;

    let app = App::new(invoices.clone());
    let app = app::router(app, recorder.clone(), session_key);
    announce(listener.local_addr()?);
    stop::serve(listener, app, stop, GRACE).await?;

    // After the last request: until here there may be something to record.
    let drained = recorder.shutdown(DRAIN).await;
    signing.stop().await;
    if let Err(lost) = drained {
        return Ok(Err(lost));
    }
    // What is closed leaves one file, without SQLite's own beside it.
    log.close().await;
    invoices.close().await;
    Ok(Ok(()))
}

/// The database by its URL, or by its path in the data folder.
fn database(url: Option<String>, data: &Path) -> Result<String, String> {
    match url {
        Some(url) if url.starts_with("sqlite:") => Ok(url),
        // The rest of it may hold a password.
        Some(_) => Err("the database URL does not begin with sqlite:".to_owned()),
        None => {
            let path = data.join("invoices.db").into_os_string().into_string();
            path.map_err(|path| format!("the path {} is not UTF-8", path.display()))
        }
    }
}

#[expect(clippy::print_stdout, reason = "this line is for whoever started the program")]
fn announce(address: SocketAddr) {
    println!("listening on http://{address}");
}

#[expect(clippy::print_stderr, reason = "this line is for whoever started the program")]
fn complain(what: &str) {
    eprintln!("invoices: {}", what.replace('\n', " "));
}
