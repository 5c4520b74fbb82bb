//! The log over HTTP, for programs: version 1.
//!
//! [`api`] makes a router of it, under `/api/v1`. Who may read what is the application's to say, by an [`Authorizer`]; that somebody has read is
//! an entry of the log's own.

mod access;
mod throttle;
mod parameters;
mod asker;
mod failed;
mod cached;
mod view;
mod events;
mod overview;
mod stream;
mod export;
mod integrity;
mod operation;

use std::fmt;
use std::sync::Arc;

use audit_core::{Recorder, note};
use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use access::{Access, Authorizer, Refused, Right};

use crate::coverage::Declared;
use crate::problem::Problem;
use crate::routes::Routes;
use access::Ask;
use integrity::Job;
use stream::Streams;
use throttle::Throttle;

/// The log of a recorder over HTTP, for those whom an [`Authorizer`] lets in.
///
/// What they read there is recorded by the same recorder: `audit.log.search`, `audit.log.view`, and so on, with who asked and for what;
/// within a minute the same is said once. An [`AuditLayer`](crate::AuditLayer) around it adds from where; as an axum `Extension` of the
/// requests, it also lets `coverage` tell which routes of the application it records.
///
/// ```
/// # use std::future::ready;
/// use audit_core::{Actor, Recorder, query::Scope, store::MemoryStore};
/// use audit_tower::{AuditLayer, api::{Access, Refused, Right, api}};
/// use axum::{Extension, Router};
/// use http::request::Parts;
///
/// # #[derive(Clone)] struct Auditor(String);
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// // `Auditor` is what the application's own authentication leaves in a request's extensions.
/// let auditors = |head: &Parts| ready(match head.extensions.get::<Auditor>() {
///     Some(Auditor(id)) => Ok(Access::new(Actor::user(id), [Right::Search], Scope::everything())),
///     None => Err(Refused::Unauthenticated("Bearer")),
/// });
/// let api = api(&recorder, auditors).into_router();
/// let layer = AuditLayer::new(recorder);
/// let app: Router = Router::new().nest("/audit", api).layer(Extension(layer.clone())).layer(layer);
/// // GET /audit/api/v1/events?q=actor:alice
/// # Ok::<(), audit_core::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn api(recorder: &Recorder, authorizer: impl Authorizer) -> Api {
    Api {
        shared: Shared {
            recorder: recorder.clone(),
            authorizer: Box::new(authorizer),
            trusted: None,
            throttle: Throttle::default(),
            job: Job::default(),
            streams: Streams::default(),
            openapi: Bytes::new(),
        },
    }
}

/// An API that is being put together, by [`api`].
#[must_use]
pub struct Api {
    shared: Shared,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

/// What all requests to an API share.
struct Shared {
    recorder: Recorder,
    authorizer: Box<dyn Ask>,
    trusted: Option<note::Policy>,
    throttle: Throttle,
    job: Job,
    streams: Streams,
    openapi: Bytes,
}

/// What the OpenAPI document begins with.
#[derive(OpenApi)]
#[openapi(info(
    title = "Audit log",
    description = "Finds, reads, follows and proves what stands in the log. Texts in the answers come from whoever was recorded.",
    version = "1",
    license(name = "MIT OR Apache-2.0"),
), servers((url = ".")))]
struct Document;

impl Api {
    /// Verifies by the keys that this policy names, as far as checkpoints are kept beside the logs.
    pub fn trusting(mut self, policy: note::Policy) -> Self {
        self.shared.trusted = Some(policy);
        self
    }

    /// The router, whose paths begin with `/api/v1`. It is nested where the application wants it.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        self.into_routes().into_router()
    }

    /// The same, for an application that declares its routes.
    pub fn into_routes<S: Clone + Send + Sync + 'static>(self) -> Routes<S> {
        let (router, document) = OpenApiRouter::<Arc<Shared>>::with_openapi(Document::openapi())
            .routes(routes!(events::events))
            .routes(routes!(events::event))
            .routes(routes!(events::proof))
            .routes(routes!(events::history))
            .routes(routes!(events::of_actor))
            .routes(routes!(overview::histogram))
            .routes(routes!(overview::facets))
            .routes(routes!(stream::tail))
            .routes(routes!(export::export))
            .routes(routes!(integrity::checkpoint))
            .routes(routes!(integrity::integrity))
            .routes(routes!(integrity::verify))
            .routes(routes!(operation::health))
            .routes(routes!(operation::coverage))
            .routes(routes!(operation::schema))
            .routes(routes!(operation::openapi))
            .split_for_parts();
        let openapi = document.to_json().unwrap_or_default().into();
        let router = router
            // No fallback: a router that is nested twice loses it.
            .route("/", any(not_found))
            .route("/{*path}", any(not_found))
            .method_not_allowed_fallback(async || {
                let detail = "There is nothing to be had of this path with this method.";
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", detail)
            })
            .layer(map_response(not_kept))
            .with_state(Arc::new(Shared { openapi, ..self.shared }));
        let paths = document.paths.paths.into_iter().flat_map(|(path, item)| {
            let methods = [(Method::GET, item.get), (Method::POST, item.post)].into_iter();
            let there = methods.filter(|(_, operation)| operation.is_some());
            there.map(move |(method, _)| (method, path.clone()))
        });
        let routes = Routes::new().map(|_: Router<S>| router);
        let routes = paths.fold(routes, |routes, (method, path)| {
            routes.declare(method, &path, Declared::Exempt(RECORDED))
        });
        Routes::new().nest("/api/v1", routes)
    }
}

/// What is recorded of the API's own routes.
const RECORDED: &str =
    "who reads the log is recorded by the API itself, once a minute for the same";

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "Not found", "There is no such path.")
}

/// What does not say otherwise is kept by nobody.
async fn not_kept<B>(mut response: Response<B>) -> Response<B> {
    let kept = response.headers_mut().entry(header::CACHE_CONTROL);
    kept.or_insert(HeaderValue::from_static("no-store"));
    response
}
