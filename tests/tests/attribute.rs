//! `#[audited]` and `audited(..)` on every shape of function, however a call of it ends: exactly one entry.
#![cfg(test)]

#[path = "attribute/body.rs"]
mod body;
#[path = "attribute/elsewhere.rs"]
mod elsewhere;
#[path = "attribute/heard.rs"]
mod heard;
#[path = "attribute/late.rs"]
mod late;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests read the log in other ways, too")]
mod log;
#[path = "attribute/matrix.rs"]
mod matrix;
#[path = "attribute/panicking_facts.rs"]
mod panicking_facts;
#[path = "attribute/rules.rs"]
mod rules;
#[path = "attribute/shapes.rs"]
mod shapes;
#[path = "attribute/values_left.rs"]
mod values_left;
