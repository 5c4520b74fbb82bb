//! Entries as they come.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit_core::Cursor;
use audit_core::follow::{FollowError, Follower};
use audit_core::store::{Entry, Reader};
use axum::extract::Query;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::unfold;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::IntoParams;

use super::Shared;
use super::access::Right;
use super::asker::Asker;
use super::failed::{self, Refusals};
use super::parameters::{Valid, invalid, parsed};
use super::view::EntryView;
use crate::problem::Problem;

/// How long it takes until it is seen that something has come.
const PAUSE: Duration = Duration::from_millis(500);

/// For so long a stream goes on, and is counted, whether anybody reads it or not. Then the client asks again, and so is asked again for its rights.
const LIFETIME: Duration = Duration::from_secs(900);

/// Most streams at a time: each looks at the logs twice a second.
const MAX_STREAMS: usize = 100;

/// Most of one reader, so that nobody has all of them.
const MAX_OF_READER: usize = 10;

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
/// with what comes next. What has an id and no data says where the stream is, while nothing comes that is asked for. It ends after a quarter of an hour:
/// clients then ask again by themselves.
#[utoipa::path(
    get, path = "/tail", tag = "entries",
    params(Awaited, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that has come")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 429, description = "The reader has as many streams as one may have"),
        Refusals,
    ),
)]
pub(super) async fn tail(
    asker: Asker,
    Valid(Query(awaited)): Valid<Query<Awaited>>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
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
        Ok((Follower::new(reader, query), Room::take(&asker)?))
    };
    let (follower, room) = asker.reads(Right::Search, "audit.log.tail", &text, begin).await?;
    let place = follower.cursor();
    let tail = Tail { asker, follower, place, is_told: false, ready: VecDeque::new(), room };
    let events = unfold(tail, |mut tail| async move { Some((tail.next().await?, tail)) });
    let events = Sse::new(events).keep_alive(KeepAlive::default());
    Ok(([(header::CACHE_CONTROL, "no-store")], events))
}

/// What a stream gives out.
struct Tail {
    asker: Asker,
    follower: Follower,
    /// Behind what was given out.
    place: Cursor,
    /// Whether the client knows this place.
    is_told: bool,
    ready: VecDeque<Entry>,
    room: Room,
}

impl Tail {
    /// The next event, however long it takes; nothing when the stream is over.
    async fn next(&mut self) -> Option<Result<Event, Infallible>> {
        // Also where there are events that nobody came for.
        if self.room.until <= Instant::now() {
            return None;
        }
        timeout_at(self.room.until, self.event()).await.ok()?.ok()?.map(Ok)
    }

    async fn event(&mut self) -> Result<Option<Event>, FollowError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                self.place.pass(&entry);
                self.is_told = true;
                let event = Event::default().event("entry").id(self.place.to_string());
                return Ok(event.json_data(EntryView::new(&entry, &self.asker)).ok());
            }
            if !self.is_told {
                self.is_told = true;
                return Ok(Some(Event::default().id(self.place.to_string())));
            }
            match self.follower.read().await {
                Ok(Some(entries)) => self.ready.extend(entries),
                Ok(None) => {
                    sleep(PAUSE).await;
                    let here = self.follower.cursor();
                    self.is_told = here == self.place;
                    self.place = here;
                }
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

/// Until when streams go on, by who reads.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<BTreeMap<String, Vec<Instant>>>);

impl Streams {
    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That there is one more, until it is over or dropped.
struct Room {
    shared: Arc<Shared>,
    reader: String,
    until: Instant,
}

impl Room {
    fn take(asker: &Asker) -> Result<Self, Problem> {
        let actor = &asker.access.actor;
        let reader = format!("{}:{} {}", actor.kind().as_str(), actor.id(), asker.access.scope);
        let too_many = |status, detail| Err(Problem::new(status, "Too many streams", detail));
        let mut open = asker.shared.streams.open();
        // A client that has stopped to read need not know that its stream is over.
        open.retain(|_, streams| {
            streams.retain(|until| *until > Instant::now());
            !streams.is_empty()
        });
        if open.values().map(Vec::len).sum::<usize>() >= MAX_STREAMS {
            let detail = "There are as many streams as can be now: try again later.";
            return too_many(StatusCode::SERVICE_UNAVAILABLE, detail.to_owned());
        }
        let own = open.entry(reader.clone()).or_default();
        if own.len() >= MAX_OF_READER {
            let detail = format!("Nobody has more than {MAX_OF_READER} streams: end one of yours.");
            return too_many(StatusCode::TOO_MANY_REQUESTS, detail);
        }
        let until = Instant::now() + LIFETIME;
        own.push(until);
        Ok(Self { shared: Arc::clone(&asker.shared), reader, until })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut open = self.shared.streams.open();
        if let Some(own) = open.get_mut(&self.reader)
            && let Some(place) = own.iter().position(|until| *until == self.until)
        {
            own.swap_remove(place);
        }
    }
}
