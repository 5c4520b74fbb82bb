//! The application as its own process.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Nothing that is waited for takes longer.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_invoices"))
}

/// A process that is not left behind when a test fails.
struct Process(Child);

impl Process {
    /// Waits for the end, and gives the exit code.
    fn wait(&mut self) -> Option<i32> {
        let looks = DEADLINE.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(LOOK_EVERY);
        }
        panic!("the process does not end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, if all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running application.
pub(crate) struct Application {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Application {
    /// Starts the application on a free port, with its data in the subfolder `data` and what it says in
    /// the file `stderr`.
    pub(crate) fn start(folder: &Path) -> Self {
        let stderr = File::create(folder.join("stderr")).unwrap();
        let mut command = command();
        command.args(["--adopt", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut process = Process(child);
        let mut stdout = BufReader::new(process.0.stdout.take().unwrap());
        let (said, hear) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            said.send(line)
        });
        let line = hear.recv_timeout(DEADLINE).expect("the application says nothing");
        let address = line.trim().strip_prefix("listening on http://").map(str::parse);
        match address {
            Some(Ok(address)) => Self { process, address },
            _ => panic!(
                "started with {line:?}, {:?}",
                std::fs::read_to_string(folder.join("stderr"))
            ),
        }
    }

    /// Tells the application to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill")
            .args(["-TERM", &self.process.0.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
    }

    /// Ends the application in the middle of whatever it does (SIGKILL).
    pub(crate) fn kill(mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    /// Waits for the end, and gives the exit code.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        self.process.wait()
    }
}

/// What came of a start that was expected to fail.
pub(crate) struct Refusal {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn refused(arguments: &[&str]) -> Refusal {
    let mut command = command();
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process(command.spawn().unwrap());
    let code = process.wait();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    process.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    process.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Refusal { code, stdout, stderr }
}
