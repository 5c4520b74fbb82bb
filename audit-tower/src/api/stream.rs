//! Entries as they come.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use audit_core::Cursor;
use audit_core::follow::{FollowError, Follower};
use audit_core::store::{Entry, Reader};
use axum::extract::Query;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::IntoParams;

use super::access::Right;
use super::asker::Asker;
use super::failed::{self, Refusals};
use super::parameters::{Valid, invalid, parsed};
use super::view::EntryView;
use crate::problem::Problem;

/// How long it takes until it is seen that something has come.
const PAUSE: Duration = Duration::from_millis(500);

/// For so long a stream goes on. Then the client asks again, and so is asked again for its rights.
const LIFETIME: Duration = Duration::from_secs(900);

/// Most streams at a time: each looks at the logs twice a second.
pub(super) const MAX_STREAMS: usize = 100;

/// What is waited for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Awaited {
    /// A query in the search language; without it, everything.
    #[serde(default)]
    q: String,
}

/// Entries as they come
///
/// Server-sent events, each an `entry` with its JSON. After an interruption, `Last-Event-ID` says where to go on; without it, the stream begins
/// with what comes next. It ends after a quarter of an hour: clients then ask again by themselves.
#[utoipa::path(
    get, path = "/tail", tag = "entries",
    params(Awaited, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that has come")),
    responses((status = 200, body = String, content_type = "text/event-stream"), Refusals),
)]
pub(super) async fn tail(
    asker: Asker,
    Valid(Query(awaited)): Valid<Query<Awaited>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let query = parsed(&awaited.q)?.oldest_first();
    let text = query.to_string();
    let begin = async |reader: Reader| {
        let cursor = match headers.get("last-event-id") {
            Some(last) => {
                let last = last.to_str().ok().and_then(|last| last.parse().ok());
                last.ok_or_else(|| {
                    invalid("`Last-Event-ID` is the id of an event of this stream.")
                })?
            }
            None => reader.end(&query).await.map_err(|error| failed::inside(&error))?,
        };
        let query = query.cursor(cursor);
        // What is wrong with the cursor is better told now.
        reader.search(&query.clone().limit(1)).await.map_err(failed::search)?;
        let room = Arc::clone(&asker.shared.streams).try_acquire_owned().map_err(|_| {
            let detail = "There are as many streams as can be now: try again later.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many streams", detail)
        })?;
        Ok((Follower::new(reader, query), room))
    };
    let (follower, room) = asker.reads(Right::Search, "audit.log.tail", &text, begin).await?;
    let place = follower.cursor();
    let until = Instant::now() + LIFETIME;
    let tail = Tail { asker, follower, place, ready: VecDeque::new(), until, _room: room };
    let events = unfold(tail, |mut tail| async move { Some((tail.next().await?, tail)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// What a stream gives out.
struct Tail {
    asker: Asker,
    follower: Follower,
    /// Behind the last entry that was given out.
    place: Cursor,
    ready: VecDeque<Entry>,
    until: Instant,
    /// Others have it when the stream is over.
    _room: OwnedSemaphorePermit,
}

impl Tail {
    /// The next entry, however long it takes; nothing when the stream is over.
    async fn next(&mut self) -> Option<Result<Event, Infallible>> {
        let entry = timeout_at(self.until, self.entry()).await.ok()?.ok()?;
        self.place.pass(&entry);
        let event = Event::default().event("entry").id(self.place.to_string());
        Some(Ok(event.json_data(EntryView::new(&entry, &self.asker)).ok()?))
    }

    async fn entry(&mut self) -> Result<Entry, FollowError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(entry);
            }
            match self.follower.read().await {
                Ok(Some(entries)) => self.ready.extend(entries),
                Ok(None) => sleep(PAUSE).await,
                // It was said to whoever verifies, and is behind now.
                Err(FollowError::Damaged { .. }) => {}
                Err(error) => {
                    failed::inside(&error);
                    return Err(error);
                }
            }
        }
    }
}
