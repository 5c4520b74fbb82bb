//! The processes of a server, found without its help.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::ServerError;
use crate::programs::Programs;

/// Between two looks. All waiting here is for something that can be seen, up to `LOOKS` of them.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
pub(crate) const LOOKS: u32 = 6_000;

/// Who works in this folder. PostgreSQL's processes work in their data folder: also the children of a postmaster that
/// is dead, which nobody knows any more.
pub(crate) fn of(data: &Path) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        // What is no process, has ended in the meantime, or is another user's.
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if std::fs::read_link(entry.path().join("cwd")).is_ok_and(|folder| folder == data) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Gives all of them a signal once that `pg_ctl` does not know, by its name without `SIG`.
pub(crate) fn signal(data: &Path, signal: &str) -> Result<(), ServerError> {
    let doing = || format!("send SIG{signal} to the processes in {}", data.display());
    for pid in of(data).map_err(ServerError::system(doing()))? {
        // The shell's own `kill` is everywhere. One that has just ended does not need it.
        let send = format!("kill -{signal} {pid}");
        Command::new("sh").args(["-c", &send]).output().map_err(ServerError::system(doing()))?;
    }
    Ok(())
}

/// Sets how large a file of theirs may become. What they start later inherits it.
pub(crate) fn limit_files(
    programs: &Programs,
    data: &Path,
    bytes: Option<u64>,
) -> Result<(), ServerError> {
    let doing = || format!("limit the files of the processes in {}", data.display());
    // The soft limit, which can be raised again.
    let limit = format!("--fsize={}:", bytes.map_or("unlimited".to_owned(), |it| it.to_string()));
    let mut done = BTreeSet::new();
    // Until nothing is found that was started in the meantime.
    loop {
        let mut found = of(data).map_err(ServerError::system(doing()))?;
        found.retain(|pid| !done.contains(pid));
        if found.is_empty() {
            return Ok(());
        }
        for pid in found {
            // As their user: root need not be allowed to do it for others.
            let mut set = Command::new("prlimit");
            set.uid(programs.user.uid).gid(programs.user.gid);
            set.args(["--pid", &pid.to_string(), &limit]).current_dir("/");
            let output = set.output().map_err(ServerError::system(doing()))?;
            // One that has just ended does not need it.
            if !output.status.success() && Path::new("/proc").join(pid.to_string()).exists() {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(ServerError::Program { doing: doing(), said });
            }
            done.insert(pid);
        }
    }
}

/// Gives all of them a signal, by its name without `SIG`, until there are none.
pub(crate) fn end(programs: &Programs, data: &Path, signal: &str) -> Result<(), ServerError> {
    let doing = || format!("end the processes in {}", data.display());
    for _ in 0..LOOKS {
        let found = of(data).map_err(ServerError::system(doing()))?;
        if found.is_empty() {
            return Ok(());
        }
        for pid in found {
            // It fails where the process has just ended; where not, the next look sees it again.
            let _ = programs.run("pg_ctl", data, &["kill", signal, &pid.to_string()]);
        }
        sleep(PAUSE);
    }
    Err(ServerError::Program { doing: doing(), said: format!("they do not heed SIG{signal}") })
}
