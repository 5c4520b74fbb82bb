//! Help and completions.

use std::process::{Command, Output};

const COMMANDS: [&str; 15] = [
    "verify",
    "verify-bundle",
    "disclose",
    "keys",
    "verify-proof",
    "prove",
    "sign",
    "search",
    "tail",
    "show",
    "export",
    "stats",
    "anchor",
    "checkpoint",
    "completions",
];

fn audit(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_audit")).args(arguments).output().unwrap();
    let Output { status, stdout, stderr } = output;
    assert_eq!((status.code(), stderr), (Some(0), Vec::new()));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn help_names_each_command_and_fits_on_a_terminal() {
    let help = audit(&["--help"]);
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        let own = audit(&[command, "--help"]);
        assert!(own.contains("Usage: audit "), "{own}");
    }
    assert!(help.contains("Exit codes:") && help.contains("AUDIT_DATABASE_URL"), "{help}");
    for (command, words) in
        [("search", "--outcome denied"), ("export", "--resume"), ("tail", "-n 0")]
    {
        let help = audit(&[command, "--help"]);
        assert!(help.contains("Examples:\n") && help.contains(words), "{help}");
        assert!(help.contains("Which entries:\n"), "{help}");
    }
}

#[test]
fn each_shell_gets_the_words_that_it_completes() {
    for shell in ["bash", "zsh", "fish"] {
        let script = audit(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{command} in {shell}");
        }
        assert!(script.contains("request-id"));
    }
}
