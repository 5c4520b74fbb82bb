//! Random numbers for ids, nonces and salts.

use rand::rngs::{SysRng, ThreadRng};
use rand::{RngExt as _, rand_core::UnwrapErr};

thread_local! {
    static GENERATOR: ThreadRng = rand::rng();
}

/// Random bits of this thread's cryptographic generator; or, where the thread is being taken down, of the system's. An
/// operation that runs so late is recorded, too.
pub(crate) fn random() -> [u8; 16] {
    // As one number: of an array, each byte would be drawn by itself, and use up four.
    let drawn: u128 = GENERATOR
        .try_with(|generator| generator.clone().random())
        .unwrap_or_else(|_| UnwrapErr(SysRng).random());
    drawn.to_ne_bytes()
}
