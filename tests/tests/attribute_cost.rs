//! What a function must not lose by being audited: a small future, the order in which its values are dropped, and
//! that it can go to another thread.
#![cfg(test)]

#[path = "attribute_cost/drops.rs"]
mod drops;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests read the log in other ways, too")]
mod log;
#[path = "attribute_cost/sends.rs"]
mod sends;
#[path = "attribute_cost/sizes.rs"]
mod sizes;
