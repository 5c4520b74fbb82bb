//! The ways to run the tests.

use std::path::Path;

use crate::Failure;
use crate::command::Cargo;

const ALL: &str = "test --workspace --all-features --locked";

// A leaf hash must not depend on the order in which `serde_json` keeps a map's members, and that order changes
// for the whole build as soon as some crate in it turns this feature on. Same target folder: only what stands on
// `serde_json` is built again.
const PRESERVED_ORDER: &str =
    "test -p audit-core --all-features --locked --features serde_json/preserve_order --lib";

const MACROS: &str = "test -p audit-macros --all-features --locked";

/// Every test, at the counts that fit into a working day.
pub(crate) fn once(root: &Path, extra: &[String]) -> Result<(), Failure> {
    Cargo::new(ALL).arguments(extra).run(root)?;
    Cargo::new(PRESERVED_ORDER).run(root)
}

/// Every test at full counts. Not in release: overflow checks and debug assertions are part of the test.
pub(crate) fn soak(root: &Path, extra: &[String]) -> Result<(), Failure> {
    Cargo::new(ALL).arguments(extra).variable("AUDIT_SOAK", "1").run(root)
}

/// Writes what the macros answer now over what their tests expect; `git diff` then shows what changed.
pub(crate) fn bless(root: &Path) -> Result<(), Failure> {
    Cargo::new(MACROS)
        .variable("TRYBUILD", "overwrite")
        .variable("INSTA_UPDATE", "always")
        .run(root)
}
