//! Random numbers for ids, nonces and salts.

use rand::distr::{Distribution, StandardUniform};
use rand::rngs::{SysRng, ThreadRng};
use rand::{RngExt as _, rand_core::UnwrapErr};

thread_local! {
    static GENERATOR: ThreadRng = rand::rng();
}

/// Random bits of this thread's cryptographic generator; or, where the thread is being taken down, of the system's. An
/// operation that runs so late is recorded, too.
pub(crate) fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    GENERATOR
        .try_with(|generator| generator.clone().random())
        .unwrap_or_else(|_| UnwrapErr(SysRng).random())
}
