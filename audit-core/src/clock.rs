//! Where time comes from: the only place that reads a clock.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SubsecRound, Utc};

/// A source of time.
///
/// Production uses [`SystemClock`]; tests set a clock by hand (`testing::ManualClock`).
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, UTC. Finer digits than microseconds are cut off before anything is hashed.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some fixed moment; never goes back. Durations are differences of two of these.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose [`elapsed`](Clock::elapsed) counts from now.
    #[expect(clippy::disallowed_methods, reason = "the clock's one home")]
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the clock's one home")]
    fn now(&self) -> DateTime<Utc> {
        let now = SystemTime::now();
        // Cut here, where it costs nothing.
        let since = now.duration_since(SystemTime::UNIX_EPOCH).ok();
        let at = since.and_then(|since| {
            let nanos = since.subsec_nanos();
            DateTime::from_timestamp(since.as_secs().try_into().ok()?, nanos - nanos % 1_000)
        });
        at.unwrap_or_else(|| now.into())
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// Cuts a time to whole microseconds, the precision of the format and of both databases.
///
/// What is hashed must be what is stored: a nanosecond that is hashed and then lost on the way to a
/// column would make an honest entry fail its verification.
pub(crate) fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    let nanos = time.timestamp_subsec_nanos();
    if nanos.is_multiple_of(1_000) && nanos < 1_000_000_000 {
        return time;
    }
    // A leap second is kept by chrono as 1,000,000,000 or more nanoseconds; the count of microseconds
    // since 1970 has no such thing, so the way over it brings every time to its plain form.
    DateTime::from_timestamp_micros(time.timestamp_micros())
        .unwrap_or_else(|| time.trunc_subsecs(6))
}
