//! Chance that can be had again by its seed.

/// A number that looks like chance (SplitMix64), below a limit.
pub(crate) fn chance(seed: u64, below: u64) -> u64 {
    let n = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (n ^ (n >> 27)) % below
}
