//! Parsers under a fuzzer that sees which code it reaches: libFuzzer, which the folder `fuzz` has for its own.
//!
//! Nothing of that is in `cargo test`, where the same parsers get seeds that were changed by chance.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{cargo, program};
use crate::{Done, impossible};

/// How long each parser is tried.
pub(crate) const SECONDS: &str = "60";

/// What makes a program tell libFuzzer where it has been. All of it is known to the stable compiler.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// What came of one parser.
struct Ran {
    name: String,
    executions: u64,
    /// Edges of code that were reached.
    coverage: u64,
    failed: bool,
}

pub(crate) fn run(root: &Path, seconds: &str) -> Done {
    if seconds.parse::<u32>().is_err() {
        return Err(impossible("`--seconds` wants a number"));
    }
    let fuzzer = build(root)?;
    let names = Command::new(&fuzzer).output();
    let names = names.map_err(|error| impossible(&format!("cannot run the fuzzer: {error}")))?;
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    let mut table = "parser      executions  coverage\n".to_owned();
    let mut result = Ok(());
    for name in names.lines() {
        println!("\n== {name}, {seconds} s");
        let ran = fuzz(root, &fuzzer, name, seconds)?;
        let mark = if ran.failed { "  FAILED" } else { "" };
        table += &format!("{:<10}{:>12}{:>10}{mark}\n", ran.name, ran.executions, ran.coverage);
        if ran.failed {
            result = Err(1);
        }
    }
    println!("\n{table}");
    result
}

/// The fuzzer, built with its flags, apart from everything else.
fn build(root: &Path) -> Result<PathBuf, u8> {
    let host = host()?;
    let folder = root.join("target/fuzz");
    // With a target named, what runs while it is built is built without the flags.
    let arguments =
        format!("build --release --locked --manifest-path fuzz/Cargo.toml --target {host}");
    let folder_text = folder.display().to_string();
    cargo(root, &[("RUSTFLAGS", FLAGS)], &arguments, &["--target-dir", &folder_text])?;
    Ok(folder.join(host).join("release/audit-fuzz"))
}

fn fuzz(root: &Path, fuzzer: &Path, name: &str, seconds: &str) -> Result<Ran, u8> {
    let corpus = root.join("target/fuzz/corpus").join(name);
    fs::create_dir_all(&corpus)
        .map_err(|error| impossible(&format!("cannot make {}: {error}", corpus.display())))?;
    let found = format!("-artifact_prefix={}/found-", root.join("target/fuzz").display());
    let output = Command::new(fuzzer)
        .env("AUDIT_FUZZ_TARGET", name)
        .env("AUDIT_FUZZ_CORPUS", &corpus)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-print_final_stats=1", "-max_len=65536", "-timeout=10", "-rss_limit_mb=1024"])
        .arg(found)
        .arg(&corpus)
        .output()
        .map_err(|error| impossible(&format!("cannot run the fuzzer: {error}")))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let failed = !output.status.success();
    // Where it failed, what it says last is why; else it is how far it came.
    let last = if failed { 40 } else { 6 };
    let lines: Vec<_> = told.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(last)).for_each(|line| println!("{line}"));
    let executions = number_after(&told, "stat::number_of_executed_units:");
    let coverage = number_after(&told, " cov: ");
    Ok(Ran { name: name.to_owned(), executions, coverage, failed })
}

/// The number behind the last of these words; 0 where there is none.
fn number_after(text: &str, words: &str) -> u64 {
    let behind = text.rsplit_once(words).map(|(_, behind)| behind.split_whitespace().next());
    behind.flatten().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The machine that this is, in the compiler's words.
fn host() -> Result<String, u8> {
    let mut compiler = Command::new(program());
    let told = compiler.args(["-vV"]).output();
    let told = told.map_err(|error| impossible(&format!("cannot run cargo: {error}")))?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| impossible("cargo does not say for which machine it builds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_the_numbers_counts() {
        let told = "#2 INITED cov: 17 ft: 18\n#9 DONE   cov: 412 ft: 3\nstat::number_of_executed_units: 99\n";
        assert_eq!(number_after(told, " cov: "), 412);
        assert_eq!(number_after(told, "stat::number_of_executed_units:"), 99);
        assert_eq!(number_after("nothing", " cov: "), 0);
    }
}
