//! How often it is said that somebody has read the same again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

/// For so long the same reading is not said again.
const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// Most readings that are remembered; more are said each time.
const MAX_REMEMBERED: usize = 10_000;

/// What was said within the last minute.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    said: Mutex<BTreeMap<[u8; 32], DateTime<Utc>>>,
}

impl Throttle {
    /// Whether it was said within the last minute that this was read, by whom and how.
    pub(super) fn was_said(&self, reading: &[&str], now: DateTime<Utc>) -> bool {
        self.said().get(&key(reading)).is_some_and(|at| is_recent(*at, now))
    }

    /// That it is said now.
    pub(super) fn say(&self, reading: &[&str], now: DateTime<Utc>) {
        let mut said = self.said();
        if said.len() >= MAX_REMEMBERED {
            said.retain(|_, at| is_recent(*at, now));
        }
        if said.len() < MAX_REMEMBERED {
            said.insert(key(reading), now);
        }
    }

    fn said(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], DateTime<Utc>>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recent(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(at).abs() < WINDOW
}

fn key(reading: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in reading {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is new; it is said then.
    fn is_new(throttle: &Throttle, reading: &[&str], now: DateTime<Utc>) -> bool {
        let is_new = !throttle.was_said(reading, now);
        if is_new {
            throttle.say(reading, now);
        }
        is_new
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_same_is_said_once_a_minute() {
        let throttle = Throttle::default();
        assert!(is_new(&throttle, &["alice", "actor:bob"], at(0)));
        assert!(!is_new(&throttle, &["alice", "actor:bob"], at(59)));
        assert!(is_new(&throttle, &["alice", "actor:bob"], at(60)));
        assert!(is_new(&throttle, &["carol", "actor:bob"], at(61)), "another reader");
        assert!(is_new(&throttle, &["alice", "actor:bo"], at(61)), "another query");
        assert!(is_new(&throttle, &["aliceactor", ":bo"], at(61)), "not cut in the same place");
    }

    #[test]
    fn who_reads_too_much_is_said_each_time_and_fills_no_memory() {
        let throttle = Throttle::default();
        for i in 0..MAX_REMEMBERED {
            assert!(is_new(&throttle, &[&i.to_string()], at(0)));
        }
        assert!(is_new(&throttle, &["one more"], at(1)));
        assert!(is_new(&throttle, &["one more"], at(2)));
        assert!(!is_new(&throttle, &["0"], at(3)));
        assert!(is_new(&throttle, &["one more"], at(100)));
        assert!(!is_new(&throttle, &["one more"], at(101)), "old ones made room");
    }
}
