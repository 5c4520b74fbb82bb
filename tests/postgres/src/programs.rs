//! The programs of PostgreSQL: where they are, and how they are run.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ServerError;
use crate::user::User;

const OLDEST: u32 = 13;

/// The folder with the programs, and the user that runs them.
pub(crate) struct Programs {
    pub(crate) folder: PathBuf,
    pub(crate) user: User,
}

impl Programs {
    pub(crate) fn find() -> Result<Self, ServerError> {
        let mut places = in_path();
        places.extend(of_pg_config());
        places.extend(of_debian());
        Ok(Self { folder: first_that_fits(&places)?, user: User::of_the_server()? })
    }

    /// A program that is to run as the server's user, from a folder that this user may enter.
    pub(crate) fn command(&self, program: &str, within: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.uid(self.user.uid).gid(self.user.gid).current_dir(within);
        // Messages in English, and no locale that this machine may not have.
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(
        &self,
        program: &str,
        within: &Path,
        arguments: &[&str],
    ) -> Result<(), ServerError> {
        let doing = format!("run {} {}", self.folder.join(program).display(), arguments.join(" "));
        let output = self.command(program, within).args(arguments).output();
        let output = output.map_err(ServerError::system(doing.clone()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ServerError::Program { doing, said })
    }
}

/// Where a link leads, since PostgreSQL's other programs are there.
fn in_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter_map(|folder| folder.join("postgres").canonicalize().ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .collect()
}

fn of_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| PathBuf::from(text.trim()))
}

/// Debian keeps the versions beside each other, outside of PATH. The newest first.
fn of_debian() -> Vec<PathBuf> {
    let mut versions: Vec<u32> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let folder = |version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"));
    versions.into_iter().map(folder).collect()
}

fn first_that_fits(places: &[PathBuf]) -> Result<PathBuf, ServerError> {
    let mut passed_over = Vec::new();
    let complete = |folder: &&PathBuf| {
        ["postgres", "initdb", "pg_ctl"].iter().all(|program| folder.join(program).is_file())
    };
    for folder in places.iter().filter(complete) {
        match version(folder) {
            Ok(version) if version >= OLDEST => return Ok(folder.clone()),
            Ok(version) => {
                passed_over.push(format!("{} has {version}", folder.display()));
            }
            Err(error) => passed_over.push(format!("{} is broken: {error}", folder.display())),
        }
    }
    Err(ServerError::NotInstalled { passed_over })
}

/// From a line such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, or `.. 18beta1`.
fn version(folder: &Path) -> io::Result<u32> {
    let output = Command::new(folder.join("postgres")).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.split_whitespace().nth(2).unwrap_or_default();
    let major = number.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let unclear = |_| io::Error::other(format!("no version in {:?}", text.trim()));
    major.parse().map_err(unclear)
}

#[cfg(test)]
mod tests {
    use std::fs::create_dir;

    use super::*;
    use crate::folder::Folder;

    /// A folder whose programs say this.
    fn fake(inside: &Path, said: &str) -> PathBuf {
        let folder = inside.join(said.replace(' ', "-"));
        create_dir(&folder).unwrap();
        // Not written by this process: its other threads start processes, which inherit a file that is open for
        // writing for a moment, and such a file cannot be run.
        let write = "for program in postgres initdb pg_ctl; do \
            printf '#!/bin/sh\necho \"%s\"\n' \"$1\" > $program && chmod 755 $program; done";
        let mut shell = Command::new("sh");
        shell.args(["-ec", write, "sh", said]).current_dir(&folder);
        assert!(shell.status().unwrap().success());
        folder
    }

    #[test]
    fn the_first_complete_folder_with_13_or_newer_is_taken_and_the_others_are_named() {
        let folder = Folder::new(User::of_the_server().unwrap()).unwrap();
        let inside = folder.path();
        let say = |text: &str| fake(inside, &format!("postgres (PostgreSQL) {text}"));
        let incomplete = inside.join("incomplete");
        create_dir(&incomplete).unwrap();
        std::fs::write(incomplete.join("postgres"), "").unwrap();
        let [old, first, second] = ["12.22 (Debian 12.22-1)", "13.0", "18beta1"].map(say);
        let broken = fake(inside, "what");

        let places =
            [incomplete.clone(), old.clone(), broken.clone(), first.clone(), second.clone()];
        assert_eq!(first_that_fits(&places).unwrap(), first);
        assert_eq!(first_that_fits(std::slice::from_ref(&second)).unwrap(), second);

        let error = first_that_fits(&[incomplete, old.clone(), broken.clone()]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("; {} has 12; ", old.display())), "{text}");
        assert!(text.contains(&format!("; {} is broken: ", broken.display())), "{text}");
        assert!(text.contains("`apt-get install postgresql`"), "{text}");
    }
}
