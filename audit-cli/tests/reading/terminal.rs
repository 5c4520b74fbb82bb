//! What is different on a terminal: colours, and a bar that moves.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::case::Case;

/// A pseudo-terminal of 100 columns: the end of the one who watches, and what the command is given.
fn terminal() -> (File, File) {
    let watched: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&watched).unwrap();
    unlockpt(&watched).unwrap();
    let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&watched, size).unwrap();
    let name = ptsname(&watched, Vec::new()).unwrap().into_string().unwrap();
    (watched.into(), OpenOptions::new().read(true).write(true).open(name).unwrap())
}

/// What stands on the terminal after the command has ended.
fn watched(mut command: Command, is_stdout: bool, is_stderr: bool) -> String {
    let (mut watched, given) = terminal();
    let stdio = |is_given: bool| match is_given {
        true => Stdio::from(given.try_clone().unwrap()),
        false => Stdio::null(),
    };
    command.stdout(stdio(is_stdout)).stderr(stdio(is_stderr)).env("TERM", "xterm");
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(given);
    let mut seen = Vec::new();
    // When the last one who has it open closes it, reading is an error.
    let _ = watched.read_to_end(&mut seen);
    child.wait().unwrap();
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn there_are_colours_on_a_terminal_unless_they_are_not_wanted_and_none_elsewhere() {
    let case = Case::on_sqlite().await;
    case.record(0..9).await;
    for arguments in
        [&["search"][..], &["stats"], &["show", "standard", "1"], &["search", "--help"]]
    {
        let with = |more: &[&str]| case.command(&[arguments, more].concat());
        let is_coloured = |text: &str| text.contains('\u{1b}');
        assert!(is_coloured(&watched(with(&[]), true, false)), "{arguments:?}");
        assert!(!is_coloured(&watched(with(&["--color", "never"]), true, false)));
        let mut without = with(&[]);
        without.env("NO_COLOR", "1");
        assert!(!is_coloured(&watched(without, true, false)), "{arguments:?}");
        let plain = case.printed(arguments);
        assert!(!is_coloured(&plain));
        let coloured = case.printed(&[arguments, &["--color=always"]].concat());
        assert!(is_coloured(&coloured) && coloured.len() > plain.len());
    }
    let complaint = watched(case.command(&["show", "nothing"]), false, true);
    assert!(complaint.starts_with("\u{1b}[31maudit:\u{1b}[0m `nothing` is no id"), "{complaint:?}");
    let complaint = watched(case.command(&["show", "nothing", "--color=never"]), false, true);
    assert!(complaint.starts_with("audit: `nothing` is no id"), "{complaint:?}");
    // Data has none of its own, wherever it goes.
    let lines = watched(case.command(&["export", "--color=always"]), true, false);
    assert!(!lines.contains('\u{1b}') && lines.contains("invoice.approve"), "{lines:?}");
}

#[tokio::test]
async fn there_is_a_bar_on_a_terminal_and_nothing_of_it_in_a_pipe() {
    let case = Case::on_sqlite().await;
    case.record(0..3_000).await;
    let export = ["export", "--output", "out.jsonl"];
    let bar = watched(case.command(&export), false, true);
    assert!(bar.contains("exporting"), "{bar:?}");
    let answer = case.audit(&export);
    assert_eq!((answer.code, &*answer.stderr), (Some(0), ""));
    // Whoever watches what is written has no use for a bar through it.
    let both = watched(case.command(&["export", "--log", "a"]), true, true);
    assert!(!both.contains("exporting") && both.contains("; go on with --cursor"));
}
