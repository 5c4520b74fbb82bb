//! A clock for tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;

/// A clock that moves only when told to. A handle: its clones are the same clock.
///
/// It has the two scales of a [`Clock`]: the time of day, which [`set`](Self::set) may also turn back,
/// and the time since a fixed moment, which only [`advance`](Self::advance) moves, and only forwards.
///
/// ```
/// use std::time::Duration;
/// use audit_core::clock::Clock;
/// use audit_core::testing::ManualClock;
///
/// let clock = ManualClock::new("2026-01-02T03:04:05Z".parse()?);
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.now().to_rfc3339(), "2026-01-02T03:04:07+00:00");
/// assert_eq!(clock.elapsed(), Duration::from_secs(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    scales: Arc<Mutex<Scales>>,
}

#[derive(Debug)]
struct Scales {
    now: DateTime<Utc>,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock that stands at this time of day, and at the beginning of the other scale.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { scales: Arc::new(Mutex::new(Scales { now, elapsed: Duration::ZERO })) }
    }

    /// Sets the time of day, as an administrator would; the other scale does not notice.
    pub fn set(&self, now: DateTime<Utc>) {
        self.scales().now = now;
    }

    /// Lets so much time go by on both scales. At the end of what a scale can say it stands still.
    pub fn advance(&self, by: Duration) {
        let mut scales = self.scales();
        let delta = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        scales.now = scales.now.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC);
        scales.elapsed = scales.elapsed.saturating_add(by);
    }

    fn scales(&self) -> MutexGuard<'_, Scales> {
        self.scales.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.scales().now
    }

    fn elapsed(&self) -> Duration {
        self.scales().elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_until_it_is_moved_and_its_clones_are_the_same_clock() {
        let start = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
        let clock = ManualClock::new(start);
        let other = clock.clone();
        assert_eq!((other.now(), other.elapsed()), (start, Duration::ZERO));

        clock.advance(Duration::from_nanos(11));
        assert_eq!(other.now(), start + TimeDelta::nanoseconds(11));
        assert_eq!(other.elapsed(), Duration::from_nanos(11));

        clock.set(start - TimeDelta::days(1));
        assert_eq!(other.now(), start - TimeDelta::days(1));
        assert_eq!(other.elapsed(), Duration::from_nanos(11));

        clock.advance(Duration::MAX);
        assert_eq!(other.now(), DateTime::<Utc>::MAX_UTC);
        assert_eq!(other.elapsed(), Duration::MAX);
    }
}
