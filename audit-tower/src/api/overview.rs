//! How entries are spread, over time and over values.

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::query::Field;
use audit_core::store::{Bucket, Facet, Reader};
use axum::Json;
use axum::extract::Query;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::Right;
use super::asker::Asker;
use super::failed::{self, Refusals};
use super::parameters::{Valid, invalid, parsed};
use crate::problem::Problem;

/// Over which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Times {
    /// A query in the search language; without it, everything.
    #[serde(default)]
    q: String,
    /// The beginning of the first bucket; by default, 30 days before `until`.
    since: Option<DateTime<Utc>>,
    /// The end of the last bucket; by default, now.
    until: Option<DateTime<Utc>>,
    /// How many buckets of the same length there are.
    #[serde(default = "default_buckets")]
    #[param(minimum = 1, maximum = 1000, default = 30)]
    buckets: u32,
}

fn default_buckets() -> u32 {
    30
}

/// How many entries happened when.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistogramView {
    buckets: Vec<BucketView>,
    /// Whether all entries were counted; otherwise so many were that older ones were left out.
    is_complete: bool,
}

/// A stretch of time, and how many entries happened in it.
#[derive(Debug, Serialize, ToSchema)]
struct BucketView {
    /// Its first moment; it ends where the next one begins.
    from: DateTime<Utc>,
    entries: u64,
}

/// How many entries happened when
#[utoipa::path(get, path = "/histogram", tag = "entries", params(Times), responses((status = 200, body = HistogramView), Refusals))]
pub(super) async fn histogram(
    asker: Asker,
    Valid(Query(times)): Valid<Query<Times>>,
) -> Result<Json<HistogramView>, Problem> {
    let query = parsed(&times.q)?;
    let until = times.until.unwrap_or_else(|| SystemClock::new().now());
    let since = times.since.or_else(|| until.checked_sub_signed(TimeDelta::days(30)));
    let since = since.ok_or_else(|| invalid("`until` is too long ago."))?;
    let read = async |reader: Reader| {
        let histogram = reader.histogram(&query, since, until, times.buckets).await;
        let histogram = histogram.map_err(failed::search)?;
        let bucket = |Bucket { from, entries }| BucketView { from, entries };
        Ok(Json(HistogramView {
            buckets: histogram.buckets.into_iter().map(bucket).collect(),
            is_complete: histogram.is_complete,
        }))
    };
    // Who asks for the entries afterwards sees more.
    let what = format!("{query} (histogram)");
    asker.reads(Right::Search, "audit.log.search", what.trim_start(), read).await
}

/// Of which field.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfField {
    /// A query in the search language; without it, everything.
    #[serde(default)]
    q: String,
    /// A field of the search language, as in `actor`, `action`, `label.env`.
    field: String,
    /// How many values are told.
    #[serde(default = "default_top")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    top: u32,
}

fn default_top() -> u32 {
    10
}

/// Most values that are told.
const MAX_TOP: u32 = 100;

/// The most frequent values of a field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FacetsView {
    /// The most frequent first.
    values: Vec<FacetView>,
    /// Whether all entries were counted; otherwise so many were that older ones were left out.
    is_complete: bool,
}

/// A value, and how many entries have it.
#[derive(Debug, Serialize, ToSchema)]
struct FacetView {
    value: String,
    entries: u64,
}

/// The most frequent values of a field
#[utoipa::path(get, path = "/facets", tag = "entries", params(OfField), responses((status = 200, body = FacetsView), Refusals))]
pub(super) async fn facets(
    asker: Asker,
    Valid(Query(asked)): Valid<Query<OfField>>,
) -> Result<Json<FacetsView>, Problem> {
    let query = parsed(&asked.q)?;
    let field = asked.field.parse::<Field>();
    let field = field.map_err(|why| invalid(format!("`field`: {}.", why.what)))?;
    if !(1..=MAX_TOP).contains(&asked.top) {
        return Err(invalid(format!("`top` is a number from 1 to {MAX_TOP}.")));
    }
    let read = async |reader: Reader| {
        let top = usize::try_from(asked.top).unwrap_or(usize::MAX);
        let facets = reader.facets(&query, &field, top).await.map_err(failed::search)?;
        let value = |Facet { value, entries }| FacetView { value, entries };
        Ok(Json(FacetsView {
            values: facets.values.into_iter().map(value).collect(),
            is_complete: facets.is_complete,
        }))
    };
    let what = format!("{query} (field={field})");
    asker.reads(Right::Search, "audit.log.search", what.trim_start(), read).await
}
