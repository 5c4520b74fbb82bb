//! The PostgreSQL server for the tests: the given one, or one that lives as long as they run.

use std::env;
use std::error::Error as _;
use std::process::Command;

use test_postgres::{Server, ServerError, URL_VARIABLE};

use crate::{Done, impossible};

/// As one types it: the words have no spaces within.
const INSTALL: [&str; 2] =
    ["apt-get update", "env DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql"];

/// Runs this with the variables that tell tests where the server is.
pub(crate) fn with_server(run: impl FnOnce(&[(&str, &str)]) -> Done) -> Done {
    // The tests inherit it, and it is not printed: a password may be in it.
    if env::var_os(URL_VARIABLE).is_some_and(|url| !url.is_empty()) {
        return run(&[]);
    }
    let server = start_or_install().map_err(|error| impossible(&told(&error)))?;
    run(&[(URL_VARIABLE, &server.url("postgres"))])
}

fn start_or_install() -> Result<Server, ServerError> {
    let error = match Server::start() {
        Err(error @ ServerError::NotInstalled { .. }) => error,
        other => return other,
    };
    let Some(prefix) = allowed() else {
        return Err(error);
    };
    println!("{error}");
    for line in INSTALL {
        let line = format!("{prefix}{line}");
        println!("$ {line}");
        let mut words = line.split_whitespace();
        let program = words.next().unwrap_or_default();
        if !Command::new(program).args(words).status().is_ok_and(|status| status.success()) {
            return Err(error);
        }
    }
    Server::start()
}

/// What to put before a command so that it may install packages, if there is such a thing.
fn allowed() -> Option<&'static str> {
    let succeeds = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let root = || Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !succeeds("apt-get", &["--version"]) {
        None
    } else if root() {
        Some("")
    } else {
        // Never asks for a password: nobody may be there to give it.
        succeeds("sudo", &["-n", "true"]).then_some("sudo -n ")
    }
}

fn told(error: &ServerError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
