//! Real servers, asked by `psql`.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::{env, fs};

use super::*;
use crate::URL_VARIABLE;

/// A server, or none where this machine has no PostgreSQL. Under `cargo xtask` that is a failure.
fn start() -> Option<Server> {
    match Server::start() {
        Ok(server) => Some(server),
        Err(error @ ServerError::NotInstalled { .. }) => {
            let required = env::var_os(URL_VARIABLE).is_some_and(|url| !url.is_empty());
            assert!(!required, "{error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    }
}

fn psql(server: &Server, sql: &str) -> Command {
    let mut command = Command::new(server.programs.folder.join("psql"));
    command.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
    command.args(["--quiet", "--command", sql, &server.url("postgres")]);
    command
}

#[track_caller]
fn ask(server: &Server, sql: &str) -> String {
    let output = psql(server, sql).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{sql}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn processes(server: &Server) -> usize {
    processes::of(&server.folder.data()).unwrap().len()
}

#[test]
fn what_is_committed_survives_a_kill_and_what_is_not_does_not() {
    let Some(mut server) = start() else { return };
    ask(&server, "CREATE TABLE t (n int)");
    ask(&server, "INSERT INTO t SELECT generate_series(1, 1000)");
    // A session in the midst of its work, which takes no notice of the postmaster's death.
    let work =
        "BEGIN; INSERT INTO t VALUES (0); SELECT count(*) FROM generate_series(1, 1000000000000)";
    let mut session = psql(&server, work).stderr(Stdio::null()).spawn().unwrap();
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN; INSERT%' AND state = 'active'";
    let at_work = (0..LOOKS).any(|_| {
        sleep(PAUSE);
        ask(&server, busy) == "1"
    });
    assert!(at_work && processes(&server) > 2);

    server.kill().unwrap();
    assert_eq!(processes(&server), 0);
    assert!(!session.wait().unwrap().success());
    assert!(!psql(&server, "SELECT 1").stderr(Stdio::null()).status().unwrap().success());

    server.start_again().unwrap();
    assert_eq!(ask(&server, "SELECT count(*), min(n) FROM t"), "1000|1");
    let log = fs::read_to_string(server.folder.log()).unwrap();
    assert!(log.contains("was not properly shut down"), "{log}");
}

#[test]
fn a_stopped_server_starts_again_without_recovery_and_a_running_one_does_not() {
    let Some(mut server) = start() else { return };
    let error = server.start_again().unwrap_err().to_string();
    assert!(error.contains("kill or stop it first"), "{error}");
    ask(&server, "CREATE TABLE t (n int)");
    server.stop().unwrap();
    assert_eq!(processes(&server), 0);
    assert!(server.stop().is_err());
    server.start_again().unwrap();
    assert_eq!(ask(&server, "SELECT count(*) FROM t"), "0");
    let log = fs::read_to_string(server.folder.log()).unwrap();
    assert!(!log.contains("was not properly shut down"), "{log}");
}

#[test]
fn two_servers_run_at_a_time_each_with_its_own_data() {
    let (Some(first), Some(second)) = (start(), start()) else { return };
    ask(&first, "CREATE TABLE t (n int)");
    assert_eq!(ask(&first, "SELECT to_regclass('t')"), "t");
    assert_eq!(ask(&second, "SELECT to_regclass('t')"), "");
}

#[test]
fn its_settings_are_those_that_tests_rely_on() {
    let Some(server) = start() else { return };
    let settings = "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN \
        ('fsync', 'listen_addresses', 'max_connections', 'server_encoding', 'synchronous_commit')";
    assert_eq!(ask(&server, settings), "on  200 UTF8 on");
    assert_eq!(ask(&server, "SELECT current_user, inet_server_addr()"), "audit|");
}

#[test]
fn tables_of_a_server_whose_files_may_not_grow_are_full_until_they_may() {
    let Some(mut server) = start() else { return };
    ask(&server, "CREATE TABLE t (n int)");
    server.limit_files(Some((16 << 20) + 4_096)).unwrap();
    let fill = "INSERT INTO t SELECT generate_series(1, 1000000)";
    let refused = psql(&server, fill).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("could not extend file"), "{said}");
    // Somebody who comes only now as well.
    assert!(!psql(&server, fill).output().unwrap().status.success());
    server.limit_files(None).unwrap();
    ask(&server, fill);
    assert_eq!(ask(&server, "SELECT count(*) FROM t"), "1000000");
}

#[test]
fn no_process_and_no_file_is_left_of_a_dropped_server_running_or_killed() {
    for killed in [false, true] {
        let Some(mut server) = start() else { return };
        let folder = server.folder.path().to_owned();
        let running = processes::of(&server.folder.data()).unwrap();
        assert!(folder.is_dir() && running.len() > 1);
        if killed {
            server.kill().unwrap();
        }
        drop(server);
        assert!(!folder.exists());
        // What has ended, even if nobody has taken note of it yet, works nowhere.
        let works = |pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok();
        assert!(!running.iter().any(works));
    }
}

#[test]
fn a_server_that_lost_its_owner_is_removed_by_the_next_start_and_no_other_is() {
    let (Some(lost), Some(kept)) = (start(), start()) else { return };
    // What the system does at the end of a process.
    lost.folder.lock.unlock().unwrap();
    let Some(_next) = start() else { return };
    assert!(!lost.folder.path().exists());
    assert_eq!(processes(&lost), 0);
    assert_eq!(ask(&kept, "SELECT 1"), "1");
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let Some(mut server) = start() else { return };
    server.stop().unwrap();
    let settings = server.folder.data().join("postgresql.conf");
    fs::write(settings, "max_connections = many\n").unwrap();
    let error = server.start_again().unwrap_err().to_string();
    assert!(error.contains("many"), "{error}");
}
