//! A layer that says who acts, once something knows it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use audit_core::recorder::apart;
use audit_core::{Actor, AuditContext};
use http::Request;
use http::request::Parts;
use tower_layer::Layer;
use tower_service::Service;

/// Finds out who acts in a request.
///
/// Functions are it that take a request's head and return a future. What the future needs of the head it takes along, as
/// a clone: it does not borrow from it.
pub trait IdentifyActor: Clone + Send + 'static {
    /// Who acts; nothing where nobody knows.
    fn identify(&self, head: &Parts) -> impl Future<Output = Option<Actor>> + Send + 'static;
}

impl<F, R> IdentifyActor for F
where
    F: Fn(&Parts) -> R + Clone + Send + 'static,
    R: Future<Output = Option<Actor>> + Send + 'static,
{
    fn identify(&self, head: &Parts) -> impl Future<Output = Option<Actor>> + Send + 'static {
        self(head)
    }
}

/// Says who acts in each request, before the service inside is called.
///
/// It goes within the [`AuditLayer`](crate::AuditLayer), and there where what it looks at is known: outside of the
/// application's authentication if it reads the request's credentials itself, inside of it if it reads what that has put
/// into the request's extensions. Who it finds replaces who was known before. Without an `AuditLayer` around it, it does
/// nothing.
///
/// ```
/// use std::future::ready;
///
/// use audit_core::{Actor, Recorder, store::MemoryStore};
/// use audit_tower::{AuditLayer, IdentifyLayer};
/// use axum::{Router, routing::post};
/// use http::request::Parts;
///
/// #[derive(Clone)]
/// struct User { id: u64 }
///
/// let of_extensions = |head: &Parts| {
///     let user = head.extensions.get::<User>();
///     ready(user.map(|user| Actor::user(user.id.to_string())))
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// let app: Router = Router::new()
///     .route("/pay", post(|| async { "paid" }))
///     .layer(IdentifyLayer::new(of_extensions))
///     // .layer(the application's authentication)
///     .layer(AuditLayer::new(recorder));
/// # Ok::<(), audit_core::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct IdentifyLayer<I> {
    identify: I,
}

impl<I: IdentifyActor> IdentifyLayer<I> {
    /// A layer that finds out who acts in this way.
    #[must_use]
    pub fn new(identify: I) -> Self {
        Self { identify }
    }
}

impl<I: Clone, S> Layer<S> for IdentifyLayer<I> {
    type Service = IdentifyService<I, S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdentifyService { identify: self.identify.clone(), inner }
    }
}

/// What [`IdentifyLayer`] makes of a service.
#[derive(Debug, Clone, Copy)]
pub struct IdentifyService<I, S> {
    identify: I,
    inner: S,
}

impl<I, S, B> Service<Request<B>> for IdentifyService<I, S>
where
    I: IdentifyActor,
    S: Service<Request<B>, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let Some(context) = head.extensions.get::<AuditContext>().cloned() else {
            return Box::pin(self.inner.call(Request::from_parts(head, body)));
        };
        let identify = self.identify.clone();
        // The one that is ready goes, and its clone stays.
        let ready = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            // What it records is not what was asked for.
            let identified = apart(async move {
                let actor = identify.identify(&head);
                (actor.await, head)
            });
            let (actor, head) = identified.await;
            if let Some(actor) = actor {
                context.set_actor(actor);
            }
            ready.call(Request::from_parts(head, body)).await
        })
    }
}
