//! Entries, page by page and one by one.

use audit_core::prove::{ProveError, receipt_proof};
use audit_core::query::{Condition, Field};
use audit_core::store::{Entry, Reader};
use axum::Json;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::Right;
use super::asker::Asker;
use super::cached::cached;
use super::failed::{self, NotFound, Refusals};
use super::parameters::{Paged, Valid};
use super::view::EntryView;
use crate::problem::Problem;

/// Entries, and where there are more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsPage {
    entries: Vec<EntryView>,
    /// The cursor of the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
    /// How many there are in all; null on further pages, and where nobody asked.
    #[schema(required)]
    count: Option<Counted>,
}

/// How many entries there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Counted {
    entries: u64,
    /// Whether these are all.
    is_complete: bool,
}

/// The entries that a query finds
#[utoipa::path(get, path = "/events", tag = "entries", params(Paged), responses((status = 200, body = EventsPage), Refusals))]
pub(super) async fn events(
    asker: Asker,
    Valid(Query(paged)): Valid<Query<Paged>>,
) -> Result<Json<EventsPage>, Problem> {
    page(&asker, &paged, []).await
}

/// What was done to a resource
#[utoipa::path(
    get, path = "/resources/{type}/{id}/history", tag = "entries",
    params(("type" = String, Path, description = "Its type"), ("id" = String, Path, description = "Its id"), Paged),
    responses((status = 200, body = EventsPage), Refusals),
)]
pub(super) async fn history(
    asker: Asker,
    Valid(Path((kind, id))): Valid<Path<(String, String)>>,
    Valid(Query(paged)): Valid<Query<Paged>>,
) -> Result<Json<EventsPage>, Problem> {
    let its = [Condition::is(Field::ResourceType, kind), Condition::is(Field::ResourceId, id)];
    page(&asker, &paged, its).await
}

/// What somebody did
#[utoipa::path(
    get, path = "/actors/{id}/events", tag = "entries",
    params(("id" = String, Path, description = "The id of the actor"), Paged),
    responses((status = 200, body = EventsPage), Refusals),
)]
pub(super) async fn of_actor(
    asker: Asker,
    Valid(Path(id)): Valid<Path<String>>,
    Valid(Query(paged)): Valid<Query<Paged>>,
) -> Result<Json<EventsPage>, Problem> {
    page(&asker, &paged, [Condition::is(Field::Actor, id)]).await
}

async fn page(
    asker: &Asker,
    paged: &Paged,
    conditions: impl IntoIterator<Item = Condition>,
) -> Result<Json<EventsPage>, Problem> {
    let query = paged.query(conditions)?;
    let read = async |reader: Reader| {
        let page = reader.search(&query).await.map_err(failed::search)?;
        let count = match paged.counted() {
            Some(most) => {
                let count = reader.count(&query, most).await.map_err(failed::search)?;
                Some(Counted { entries: count.entries, is_complete: count.is_complete })
            }
            None => None,
        };
        let view = |entry: &Entry| EntryView::new(entry, asker);
        let entries = page.entries.iter().map(view).collect();
        Ok(Json(EventsPage { entries, next: page.next.map(|next| next.to_string()), count }))
    };
    asker.reads(Right::Search, "audit.log.search", &query.to_string(), read).await
}

/// One entry
#[utoipa::path(
    get, path = "/events/{id}", tag = "entries", params(("id" = Uuid, Path, description = "The id of the event")),
    responses((status = 200, body = EntryView), (status = 304, description = "As it was"), NotFound, Refusals),
)]
pub(super) async fn event(
    asker: Asker,
    Valid(Path(id)): Valid<Path<Uuid>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let read = async |reader: Reader| {
        let entry = found(&reader, id).await?;
        // It changes when a personal value of it is erased, and with the rights of whoever asks.
        let view = serde_json::to_vec(&EntryView::new(&entry, &asker));
        Ok(cached(view.map_err(|error| failed::inside(&error))?.into(), &headers))
    };
    asker.reads(Right::Search, "audit.log.view", &id.to_string(), read).await
}

/// That an entry is in its log
///
/// A proof by the smallest signed checkpoint that covers it, as c2sp.org/tlog-proof has it.
#[utoipa::path(
    get, path = "/events/{id}/proof", tag = "proof", params(("id" = Uuid, Path, description = "The id of the event")),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 409, description = "It was not signed yet", body = failed::ProblemDocument, content_type = "application/problem+json"),
        NotFound, Refusals,
    ),
)]
pub(super) async fn proof(
    asker: Asker,
    Valid(Path(id)): Valid<Path<Uuid>>,
) -> Result<Response, Problem> {
    let read = async |reader: Reader| {
        let entry = found(&reader, id).await?;
        match receipt_proof(&reader, &entry.log, entry.index).await {
            Ok(proof) => Ok(text(proof.to_string())),
            Err(ProveError::NotSigned { .. }) => Err(Problem::new(
                StatusCode::CONFLICT,
                "Not signed yet",
                "No checkpoint that was signed covers this entry yet: try again later.",
            )),
            Err(error) => Err(failed::inside(&error)),
        }
    };
    asker.reads(Right::Search, "audit.log.prove", &id.to_string(), read).await
}

async fn found(reader: &Reader, id: Uuid) -> Result<Entry, Problem> {
    let found = reader.find(id).await.map_err(|error| failed::inside(&error))?;
    found.ok_or_else(|| {
        let detail = "There is no such entry, or not for whoever asks.";
        Problem::new(StatusCode::NOT_FOUND, "Not found", detail)
    })
}

fn text(text: String) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
