//! How often it is said that somebody has read the same again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

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
    /// Whether it is to be said that this was read, by whom and how: yes, if it was not within the last minute.
    pub(super) fn is_new(&self, reading: &[&str], now: DateTime<Utc>) -> bool {
        let mut digest = Sha256::new();
        for part in reading {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let key = digest.finalize().into();
        let is_recent = |at: &DateTime<Utc>| now.signed_duration_since(at).abs() < WINDOW;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(&key).is_some_and(is_recent) {
            return false;
        }
        if said.len() >= MAX_REMEMBERED {
            said.retain(|_, at| is_recent(at));
        }
        if said.len() < MAX_REMEMBERED {
            said.insert(key, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_same_is_said_once_a_minute() {
        let throttle = Throttle::default();
        assert!(throttle.is_new(&["alice", "actor:bob"], at(0)));
        assert!(!throttle.is_new(&["alice", "actor:bob"], at(59)));
        assert!(throttle.is_new(&["alice", "actor:bob"], at(60)));
        assert!(throttle.is_new(&["carol", "actor:bob"], at(61)), "another reader");
        assert!(throttle.is_new(&["alice", "actor:bo"], at(61)), "another query");
        assert!(throttle.is_new(&["aliceactor", ":bo"], at(61)), "not cut in the same place");
    }

    #[test]
    fn who_reads_too_much_is_said_each_time_and_fills_no_memory() {
        let throttle = Throttle::default();
        for i in 0..MAX_REMEMBERED {
            assert!(throttle.is_new(&[&i.to_string()], at(0)));
        }
        assert!(throttle.is_new(&["one more"], at(1)));
        assert!(throttle.is_new(&["one more"], at(2)));
        assert!(!throttle.is_new(&["0"], at(3)));
        assert!(throttle.is_new(&["one more"], at(100)));
        assert!(!throttle.is_new(&["one more"], at(101)), "old ones made room");
    }
}
