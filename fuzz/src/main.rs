//! A parser under libFuzzer: `AUDIT_FUZZ_TARGET` says which, and without it, the names of all are printed. `AUDIT_FUZZ_CORPUS` is
//! the folder into which seeds are put. `cargo xtask fuzz` builds this and runs it.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use audit_core::testing::fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let Ok(name) = std::env::var("AUDIT_FUZZ_TARGET") else {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    };
    *TARGETS.iter().find(|target| target.name == name).expect("a target of this name")
});

fuzz_target!(
    init: {
        let target = *TARGET;
        if let Some(corpus) = std::env::var_os("AUDIT_FUZZ_CORPUS") {
            for (number, seed) in (target.seeds)().iter().enumerate() {
                let path = Path::new(&corpus).join(format!("seed-{number}"));
                std::fs::write(path, seed).expect("a folder for the seeds");
            }
        }
    },
    |data: &[u8]| (TARGET.run)(data)
);
