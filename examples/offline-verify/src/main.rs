//! Verifies a bundle, and a disclosed value, with nothing but the keys that are believed.

use std::error::Error;
use std::fs::{self, File};
use std::process::ExitCode;

use audit_core::bundle::{self, Bundled};
use audit_core::note::Policy;
use audit_core::prove::Disclosure;

#[expect(clippy::print_stdout, reason = "this is what the example is for")]
fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (policy, file, disclosure) = match &*arguments {
        [policy, file] => (policy, file, None),
        [policy, file, disclosure] => (policy, file, Some(disclosure)),
        _ => return Err("usage: offline-verify POLICY BUNDLE [DISCLOSURE]".into()),
    };
    // Handed over once, and not by whoever hands over bundles.
    let policy: Policy = fs::read_to_string(policy)?.parse()?;

    match bundle::verify(File::open(file)?, &policy) {
        Ok(found) => {
            for Bundled { trusted, entries, openings } in found {
                let (log, size) = (trusted.checkpoint.origin, trusted.checkpoint.size);
                let (first, end) = (entries.start, entries.end);
                println!("{log}: entries {first} to {end} of the first {size}, {openings} values");
            }
        }
        // Not what was signed; anything else could not be read.
        Err(error) if error.is_finding() => {
            println!("{error}");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(disclosure) = disclosure {
        let disclosure: Disclosure = fs::read_to_string(disclosure)?.parse()?;
        let shown = disclosure.verify(&policy)?;
        let value = shown.event.pointer(&shown.pointer);
        println!("entry {}: {} is {}", shown.index, shown.pointer, value.ok_or("nothing")?);
    }
    Ok(ExitCode::SUCCESS)
}
