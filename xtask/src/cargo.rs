//! The calls of cargo, and the commands that are nothing else.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::postgres::with_server;
use crate::{Done, impossible};

const ALL_TESTS: &str = "test --workspace --all-features --locked";

// A leaf hash must not depend on the order in which `serde_json` keeps a map's members, and that order changes
// for the whole build as soon as some crate in it turns this feature on. Same target folder: only what stands on
// `serde_json` is built again, and of the tests only those run that make bytes or read them.
const PRESERVED_ORDER: &str = "test -p audit-core --all-features --locked --features serde_json/preserve_order --lib \
     -- event:: merkle:: query:: bundle:: export:: import::";

/// Every test, at the counts that fit into a working day.
pub(crate) fn test(root: &Path, extra: &[&str]) -> Done {
    with_server(|variables| {
        cargo(root, variables, ALL_TESTS, extra)?;
        cargo(root, variables, PRESERVED_ORDER, &[])
    })
}

/// Every test at full counts. Not in release: overflow checks and debug assertions are part of the test.
pub(crate) fn soak(root: &Path, extra: &[&str]) -> Done {
    with_server(|variables| {
        let variables = [&[("AUDIT_SOAK", "1")], variables].concat();
        cargo(root, &variables, ALL_TESTS, extra)
    })
}

/// How fast entries come into a log (`append`), are verified (`verify`), or found (`pages`). It judges nothing.
pub(crate) fn bench(root: &Path, name: &str, extra: &[&str]) -> Done {
    let arguments = format!("bench -p audit-core --all-features --locked --bench {name} --");
    with_server(|variables| cargo(root, variables, &arguments, extra))
}

/// Fills a log. The address goes by a variable, which is not printed: a password may be in it.
pub(crate) fn fixture(root: &Path, url: &str, entries: &str, seed: &str) -> Done {
    let url = match url.strip_prefix("sqlite:") {
        // From the folder in which the command was given, which is not that of the program.
        Some(path) => {
            let path =
                std::path::absolute(path).map_err(|why| impossible(&format!("{url}: {why}")))?;
            format!("sqlite:{}", path.display())
        }
        None => url.to_owned(),
    };
    let arguments = "bench -p audit-core --all-features --locked --bench pages -- fixture";
    println!("$ cargo {arguments} {entries} {seed}");
    let status = Command::new(program())
        .args(arguments.split_whitespace())
        .args([entries, seed])
        .env("AUDIT_FIXTURE_URL", url)
        .current_dir(root)
        .status()
        .map_err(|error| impossible(&format!("cannot run cargo: {error}")))?;
    done(status)
}

/// Writes what the macros answer now over what their tests expect; `git diff` then shows what changed.
pub(crate) fn bless(root: &Path) -> Done {
    let variables = [("TRYBUILD", "overwrite"), ("INSTA_UPDATE", "always")];
    let arguments = "test -p audit-macros --all-features --locked";
    cargo(root, &variables, arguments, &[])
}

/// One call from the workspace's folder, printed before it runs. The arguments stand in one string, as typed.
pub(crate) fn cargo(
    root: &Path,
    variables: &[(&str, &str)],
    arguments: &str,
    extra: &[&str],
) -> Done {
    let set = |(name, value): &(&str, &str)| format!("{name}='{value}' ");
    let set: String = variables.iter().map(set).collect();
    println!("$ {set}cargo {}", [&[arguments], extra].concat().join(" "));
    let status = Command::new(program())
        .args(arguments.split_whitespace())
        .args(extra)
        .envs(variables.iter().copied())
        .current_dir(root)
        .status()
        .map_err(|error| impossible(&format!("cannot run cargo: {error}")))?;
    done(status)
}

fn done(status: ExitStatus) -> Done {
    match status.code() {
        Some(0) => Ok(()),
        // No code: ended by a signal.
        code => Err(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
    }
}

/// The cargo that started us, so that `cargo +toolchain xtask` stays on that toolchain.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_keeps_its_exit_code() {
        let root = crate::root().unwrap();
        assert_eq!(cargo(&root, &[], "--version", &[]), Ok(()));
        let failed = cargo(&root, &[], "pkgid", &["-p", "no-such-package"]);
        assert_eq!(failed, Err(101));
    }
}
