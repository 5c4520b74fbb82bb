//! Calls to others, recorded by a layer around the client.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use audit_core::{ErrorInfo, Event, Severity, Verdict, audited_by, current};
use http::{Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

/// The action of a call that [`CallLayer`] records.
pub const CALL_ACTION: &str = "http.call";

/// Records each call of an HTTP client: method, endpoint, status, duration; and that it failed, was given up, or
/// panicked.
///
/// The resource is the `endpoint`, by its method and its address without the query, which may hold secrets. From 400 on a
/// status is a failure, of the severity `error`; so is a call without an answer. The body is none of its business: a call is
/// over when the head of its answer is there.
///
/// Calls go where audited functions go: to the recorder of the context around the call, as part of the operation that
/// makes it, or else to the process's default recorder.
///
/// ```
/// use audit_core::{AuditContext, Query, Recorder, store::MemoryStore};
/// use audit_tower::{CALL_ACTION, CallLayer};
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// // An HTTP client, as a tower service.
/// let client = service_fn(async |_: Request<String>| Ok::<_, std::io::Error>(Response::new(())));
/// let client = CallLayer.layer(client);
///
/// let request = Request::post("https://bank.example/transfers?key=7").body(String::new())?;
/// AuditContext::worker("payer").scope(&recorder, client.oneshot(request)).await?;
/// # recorder.shutdown(std::time::Duration::from_secs(10)).await?;
/// let page = recorder.reader().search(&Query::new().action(CALL_ACTION)).await?;
/// assert_eq!(page.entries[0].event()["resource"]["id"], "POST https://bank.example/transfers");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CallLayer;

impl<S> Layer<S> for CallLayer {
    type Service = CallService<S>;

    fn layer(&self, inner: S) -> CallService<S> {
        CallService { inner }
    }
}

/// What [`CallLayer`] makes of a client.
#[derive(Debug, Clone, Copy)]
pub struct CallService<S> {
    inner: S,
}

impl<S, A, B> Service<Request<A>> for CallService<S>
where
    S: Service<Request<A>, Response = Response<B>, Error: Display, Future: Send + 'static>,
    Response<B>: 'static,
    S::Error: 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let method = request.method().as_str().to_owned();
        let endpoint = endpoint(request.uri());
        let event = Event::builder(CALL_ACTION)
            .category("api")
            .resource("endpoint", format!("{method} {endpoint}"))
            .metadata("method", method)
            .metadata("endpoint", endpoint);
        let answered = self.inner.call(request);
        Box::pin(audited_by(
            event,
            async {
                let answer = answered.await;
                let status = answer.as_ref().map(|answer| answer.status().as_u16()).ok();
                if let Some(status) = status {
                    current().metadata("status", status);
                }
                if status.is_none_or(|status| status >= 400) {
                    current().severity(Severity::Error);
                }
                answer
            },
            |answer| match answer {
                Ok(answer) if answer.status().as_u16() < 400 => Verdict::success(),
                Ok(answer) => Verdict::failure(
                    ErrorInfo::untold().kind("http").code(answer.status().as_str()),
                ),
                Err(error) => Verdict::failure(ErrorInfo::new(error.to_string()).kind("transport")),
            },
        ))
    }
}

/// The address without user, password, and query.
fn endpoint(uri: &Uri) -> String {
    let scheme = uri.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}{}{port}{}", uri.host().unwrap_or_default(), uri.path())
}
