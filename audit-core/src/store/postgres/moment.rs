//! A time as the server stores it.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Postgres, Type};

/// 2000-01-01, from which the server counts, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// The year before the first and the year after the last that an event can be of.
pub(super) const EARLIEST: DateTime<Utc> = start_of(-1);
pub(super) const LATEST: DateTime<Utc> = start_of(10_000);

const fn start_of(year: i32) -> DateTime<Utc> {
    match NaiveDate::from_ymd_opt(year, 1, 1) {
        Some(day) => day.and_time(NaiveTime::MIN).and_utc(),
        None => DateTime::UNIX_EPOCH,
    }
}

/// A `timestamptz`. sqlx's own conversion panics at what the server has and chrono has not: `infinity`, and years
/// beyond 262,142. Whoever can change a row must not stop its reader.
pub(super) struct Moment(pub(super) DateTime<Utc>);

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Moment {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Err("a time that did not come in binary form".into());
        }
        let micros = <i64 as Decode<'_, Postgres>>::decode(value)?.checked_add(EPOCH);
        let time = micros.and_then(DateTime::from_timestamp_micros);
        time.map(Self).ok_or_else(|| "a time out of range".into())
    }
}
