//! What a request asks for, in its path and its query.

use std::fmt::Display;

use audit_core::query::{Condition, DEFAULT_LIMIT, MAX_LIMIT};
use audit_core::{Cursor, Query};
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::Problem;

/// What is taken from a request's head by another extractor, whose refusal becomes a problem document.
pub(super) struct Valid<T>(pub(super) T);

impl<S: Sync, T> FromRequestParts<S> for Valid<T>
where
    T: FromRequestParts<S, Rejection: Display>,
{
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, state: &S) -> Result<Self, Problem> {
        T::from_request_parts(head, state).await.map(Self).map_err(|why| invalid(why.to_string()))
    }
}

/// A request that cannot be understood.
pub(super) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "The request is not valid", detail.into())
}

/// A page of what is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paged {
    /// A query in the search language, as in `actor:alice action:invoice.* -outcome:success after:7d`; without it, everything.
    #[serde(default)]
    q: String,
    /// Only what happened in so many last days.
    #[param(minimum = 1, maximum = 90)]
    days: Option<u32>,
    /// Which entries come first, in the order in which they were recorded.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// Most entries on the page.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// Where the page begins: the `next` of another page of the same query and order.
    cursor: Option<String>,
    /// On a first page, the entries are counted up to so many; 0 for not at all.
    #[serde(default = "default_count")]
    #[param(maximum = 1_000_000, default = 1000)]
    count: u64,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Newest,
    Oldest,
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}

fn default_count() -> u64 {
    1_000
}

/// Most days to look back at with a number; `after` in a query goes further.
const MAX_DAYS: u32 = 90;

/// Most entries that are counted.
const MAX_COUNT: u64 = 1_000_000;

impl Paged {
    /// The query, of which these conditions are a part.
    pub(super) fn query(
        &self,
        conditions: impl IntoIterator<Item = Condition>,
    ) -> Result<Query, Problem> {
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return Err(invalid(format!("`limit` is a number from 1 to {MAX_LIMIT}.")));
        }
        if self.count > MAX_COUNT {
            return Err(invalid(format!("`count` is a number up to {MAX_COUNT}.")));
        }
        let query = match self.days {
            // As it would be written, so that a cursor goes on with it at another time.
            Some(days @ 1..=MAX_DAYS) => parsed(&format!("{} after:{days}d", self.q))?,
            Some(_) => return Err(invalid(format!("`days` is a number from 1 to {MAX_DAYS}."))),
            None => parsed(&self.q)?,
        };
        let query = conditions.into_iter().fold(query, Query::and).limit(self.limit);
        let query = match self.order {
            Order::Newest => query,
            Order::Oldest => query.oldest_first(),
        };
        let cursor = self.cursor.as_deref().map(str::parse::<Cursor>).transpose();
        let cursor = cursor.map_err(|why| invalid(format!("`cursor`: {why}.")))?;
        let query = cursor.into_iter().fold(query, Query::cursor);
        Ok(query)
    }

    /// Up to how many entries are to be counted, if at all.
    pub(super) fn counted(&self) -> Option<u64> {
        (self.count > 0 && self.cursor.is_none()).then_some(self.count)
    }
}

/// What a text in the search language asks for.
pub(super) fn parsed(text: &str) -> Result<Query, Problem> {
    text.parse().map_err(|why| invalid(format!("`q`, {why}.")))
}
