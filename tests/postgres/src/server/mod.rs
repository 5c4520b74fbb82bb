//! A server, from its first start to its end.

#[cfg(test)]
mod tests;

use std::fs::{File, read_to_string};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;

use crate::folder::{Folder, sweep};
use crate::processes::{LOOKS, PAUSE};
use crate::programs::Programs;
use crate::{ServerError, processes};

/// Part of the socket's name; nothing listens on the network.
const PORT: &str = "5432";

/// A PostgreSQL server of one's own, on a Unix socket in a temporary folder. Dropping it ends it and removes the
/// folder.
///
/// Its superuser is `audit`, without a password: only the user who started it may enter the folder with the socket.
pub struct Server {
    // Before the folder, so that dropped in this order.
    process: Child,
    programs: Programs,
    folder: Folder,
}

impl Server {
    /// Makes a new, empty server, and returns as soon as it takes connections. Run by root, it runs as the user
    /// `postgres`, or `nobody` where there is none.
    ///
    /// # Errors
    ///
    /// [`ServerError::NotInstalled`], or whatever kept it from starting.
    pub fn start() -> Result<Self, ServerError> {
        let programs = Programs::find()?;
        sweep(&programs);
        let folder = Folder::new(programs.user)?;
        let data = folder.data();
        let cluster = [
            "--pgdata",
            text(&data),
            "--username=audit",
            "--auth=trust",
            // The same on each machine.
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ];
        programs.run("initdb", folder.path(), &cluster)?;
        let process = postgres(&programs, &folder)?;
        let mut server = Self { process, programs, folder };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// The URL of one of its databases, for sqlx and for libpq. The name stands in it as it is, so it must not need
    /// escaping. A new server has the database `postgres`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres://audit@localhost:{PORT}/{database}?host={folder}")
    }

    /// A crash: SIGKILL to all of its processes. Returns when they are gone.
    ///
    /// # Errors
    ///
    /// Where they could not be found or ended. Linux only, as it asks `/proc`.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        // The postmaster first: it would start children anew.
        let ended = self.process.kill().and_then(|()| self.process.wait());
        ended.map_err(ServerError::system("kill the postmaster"))?;
        processes::end(&self.programs, &self.folder.data(), "KILL")
    }

    /// Hangs: none of its processes does anything until [`thaw`](Self::thaw), and none is gone.
    ///
    /// # Errors
    ///
    /// Where they could not be found. Linux only, as it asks `/proc`.
    pub fn freeze(&mut self) -> Result<(), ServerError> {
        processes::signal(&self.folder.data(), "STOP")
    }

    /// Goes on where [`freeze`](Self::freeze) has stopped it.
    ///
    /// # Errors
    ///
    /// Where its processes could not be found.
    pub fn thaw(&mut self) -> Result<(), ServerError> {
        processes::signal(&self.folder.data(), "CONT")
    }

    /// Lets none of its files grow beyond so many bytes, or as far as they will again: what a disk that is full does to a
    /// table, though not to the write-ahead log, whose files are 16 MiB from the beginning. A limit that is no multiple
    /// of 8 KiB cuts a page in half, which the server reports as a full disk.
    ///
    /// # Errors
    ///
    /// Where its processes could not be found, or the system sets no limits. Linux only.
    pub fn limit_files(&mut self, bytes: Option<u64>) -> Result<(), ServerError> {
        processes::limit_files(&self.programs, &self.folder.data(), bytes)
    }

    /// An orderly end, though without waiting for clients: they are cut off. Returns when it is over.
    ///
    /// # Errors
    ///
    /// Where it does not run, or does not end within a minute.
    pub fn stop(&mut self) -> Result<(), ServerError> {
        self.shut_down("fast")
    }

    /// Starts a killed or stopped server again: same data, same socket, so same URL. After [`Server::kill`] it recovers
    /// first. Returns as soon as it takes connections.
    ///
    /// # Errors
    ///
    /// Where it runs already, or whatever kept it from starting.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        if self.runs() {
            let doing = "start it again".to_owned();
            let said = "it runs; kill or stop it first".to_owned();
            return Err(ServerError::Program { doing, said });
        }
        self.process = postgres(&self.programs, &self.folder)?;
        self.wait_until_ready()
    }

    fn runs(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    fn shut_down(&mut self, mode: &str) -> Result<(), ServerError> {
        let data = self.folder.data();
        let arguments = ["stop", "--pgdata", text(&data), "--mode", mode, "--timeout", "60"];
        self.programs.run("pg_ctl", self.folder.path(), &arguments)?;
        self.process.wait().map_err(ServerError::system("wait for the postmaster"))?;
        Ok(())
    }

    fn wait_until_ready(&mut self) -> Result<(), ServerError> {
        let state = self.folder.data().join("postmaster.pid");
        let own = self.process.id().to_string();
        for _ in 0..LOOKS {
            // The server keeps its state in the last line, and `pg_ctl start` waits for the same word. The first line
            // is its process; a killed server leaves the file as it was.
            let lines = read_to_string(&state).unwrap_or_default();
            let mut lines = lines.lines().map(str::trim);
            if lines.next() == Some(&own) && lines.next_back() == Some("ready") {
                return Ok(());
            }
            if !self.runs() {
                break;
            }
            sleep(PAUSE);
        }
        let said = read_to_string(self.folder.log()).unwrap_or_default();
        Err(ServerError::Program {
            doing: "start a server that takes connections".to_owned(),
            said,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A frozen one would not hear of it.
        let _ = self.thaw();
        if self.runs() && self.shut_down("immediate").is_err() {
            // Its children see that it is gone, and end by themselves.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Runs as our child, not through `pg_ctl start`, which would take it out of our process group.
fn postgres(programs: &Programs, folder: &Folder) -> Result<Child, ServerError> {
    let log = File::options().create(true).append(true).open(folder.log());
    let log = log.map_err(ServerError::system(format!("write {}", folder.log().display())))?;
    // Whatever concerns durability stays as users have it. A killed process would not need `fsync`, but it costs little.
    let settings = [
        "listen_addresses=",
        "max_connections=200",
        // Files in the data folder, not in /dev/shm: whoever is killed does not tidy up.
        "dynamic_shared_memory_type=mmap",
    ];
    let mut command = programs.command("postgres", folder.path());
    command.args(["-D", text(&folder.data()), "-k", text(folder.path()), "-p", PORT]);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(ServerError::system(format!("run {}", programs.folder.join("postgres").display())))
}

/// Our own folder's path, which is ASCII.
fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
