//! As whom the server runs: PostgreSQL refuses to run as root.

use std::io;
use std::process::Command;

use crate::ServerError;

/// Ids of the user that runs the server and owns its folder: the one who asks, unless that is root.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Whether that is somebody else than the one who asks.
    pub(crate) other: bool,
}

impl User {
    pub(crate) fn of_the_server() -> Result<Self, ServerError> {
        let uid = id(&["-u"])?;
        if uid != 0 {
            let gid = id(&["-g"])?;
            return Ok(Self { uid, gid, other: false });
        }
        // Debian's package makes the first; the second is everywhere.
        named("postgres").or_else(|_| named("nobody"))
    }
}

fn named(name: &str) -> Result<User, ServerError> {
    let (uid, gid) = (id(&["-u", name])?, id(&["-g", name])?);
    Ok(User { uid, gid, other: true })
}

/// The standard library asks the system for no id.
fn id(arguments: &[&str]) -> Result<u32, ServerError> {
    let ask = || {
        let output = Command::new("id").args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().map_err(io::Error::other)
    };
    ask().map_err(ServerError::system(format!(
        "find the user to run as: `id {}`",
        arguments.join(" ")
    )))
}
