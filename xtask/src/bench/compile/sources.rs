//! The crates that are compiled: the same functions, each crate with its own attribute on them.

use std::fs;
use std::path::{Path, PathBuf};

const TYPES: &str = include_str!("types.rs");
const MODULE: &str = include_str!("module.rs");

const MODULES: u32 = 50;

/// How many functions each crate has: ten in a module.
pub(super) const FUNCTIONS: u32 = 10 * MODULES;

/// A crate, and what stands on its functions.
pub(super) struct Crate {
    pub(super) name: &'static str,
    /// Half of the functions have this.
    attribute: &'static str,
    /// The others this, which also tells the id of what they work on.
    with_id: &'static str,
}

/// The floor, what is compared with, and what is compared.
pub(super) const CRATES: [Crate; 3] = [
    Crate { name: "plain", attribute: "", with_id: "" },
    Crate {
        name: "instrumented",
        attribute: "#[tracing::instrument(skip_all)]",
        with_id: "#[tracing::instrument(skip_all, fields(id = %id), err)]",
    },
    Crate {
        name: "audited",
        attribute: "#[audit_core::audited(action = \"invoice.change\")]",
        with_id: "#[audit_core::audited(action = \"invoice.change\", resource = \"invoice\", resource_id = id)]",
    },
];

/// A workspace of those crates, so that they share what they depend on.
pub(super) struct Workspace {
    folder: PathBuf,
}

impl Workspace {
    /// Writes it below the target folder. It takes the versions of the project's own lock file.
    pub(super) fn write(root: &Path) -> Result<Self, String> {
        let workspace = Self { folder: target_folder()?.join("bench-compile") };
        let members = CRATES.map(|part| format!("{:?}", part.name)).join(", ");
        workspace.file(
            "Cargo.toml",
            &format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"),
        )?;
        let lock = root.join("Cargo.lock");
        let lock = fs::read_to_string(&lock).map_err(|error| told("read", &lock, &error))?;
        workspace.file("Cargo.lock", &lock)?;
        for part in &CRATES {
            let name = part.name;
            workspace.file(&format!("{name}/Cargo.toml"), &manifest(name, root))?;
            workspace.touch(part)?;
            let module = module(part);
            for number in 0..MODULES {
                workspace.file(&format!("{name}/src/part_{number}.rs"), &module)?;
            }
        }
        Ok(workspace)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the root of a crate anew, so that cargo compiles the crate again.
    pub(super) fn touch(&self, part: &Crate) -> Result<(), String> {
        let modules = (0..MODULES).map(|number| format!("pub mod part_{number};\n"));
        let text = format!("{TYPES}\n{}", modules.collect::<String>());
        self.file(&format!("{}/src/lib.rs", part.name), &text)
    }

    fn file(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(name);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|error| told("make", folder, &error))?;
        fs::write(&path, text).map_err(|error| told("write", &path, &error))
    }
}

fn module(part: &Crate) -> String {
    MODULE.replace("#[attribute(id)]", part.with_id).replace("#[attribute]", part.attribute)
}

fn manifest(name: &str, root: &Path) -> String {
    let core = root.join("audit-core");
    format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         audit-core = {{ path = {core:?}, default-features = false, features = [\"macros\"] }}\n\
         tracing = {{ version = \"0.1\", default-features = false, features = [\"std\", \"attributes\"] }}\n"
    )
}

/// Where this program was built.
fn target_folder() -> Result<PathBuf, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let folder = program.parent().and_then(Path::parent).map(PathBuf::from);
    folder.ok_or_else(|| format!("{} is not in a target folder", program.display()))
}

fn told(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_ten_functions_and_half_of_them_tell_an_id() {
        let [_, _, audited] = &CRATES;
        let text = module(audited);
        assert_eq!(text.matches(audited.attribute).count(), 5);
        assert_eq!(text.matches(audited.with_id).count(), 5);
        assert_eq!(text.matches("#[").count(), 10);
    }
}
