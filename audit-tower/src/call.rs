//! Calls to others, recorded by a layer around the client.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use audit_core::__private::{answered, call_event};
use audit_core::recorder::apart;
use audit_core::{ErrorInfo, Outcome, Verdict, audited_by};
use http::{Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use crate::classify::told_by_grpc;

/// The action of a call that [`CallLayer`] records. One that ends in an error of the client, or in a status from 400 on, is a
/// [`CALL_FAILED_ACTION`].
pub const CALL_ACTION: &str = "http.call";

/// The action of a call that has failed.
pub const CALL_FAILED_ACTION: &str = "http.call_failed";

/// Records each call of an HTTP client: method, endpoint, status, duration; and that it failed, was given up, or
/// panicked.
///
/// The resource is the `endpoint`, by its method and its address without the query, which may hold secrets. From 400 on a
/// status is a failure, of the action `http.call_failed` and the severity `error`; so is a call without an answer. One that panics or
/// is given up, or that fails by its `grpc-status`, stays `http.call`, and its outcome says so. The body is none of its business: a
/// call is over when the head of its answer is there.
///
/// Calls go where audited functions go: to the recorder of the context around the call, as part of the operation that
/// makes it, or else to the process's default recorder. None is taken for what a request is about in which it is made. The
/// text of an error is not recorded: it may quote the query.
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
    S: Service<Request<A>, Response = Response<B>, Future: Send> + Clone + Send + 'static,
    A: Send + 'static,
    B: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let event = call_event(request.method().as_str(), &endpoint(request.uri()));
        // The one that is ready goes, and its clone stays.
        let ready = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, ready);
        // All that the client does is within the event, from the call on.
        let call = async move {
            let answer = ready.call(request).await;
            answered(answer.as_ref().map(|answer| answer.status().as_u16()).ok());
            answer
        };
        Box::pin(apart(audited_by(event, call, |answer| match answer {
            Ok(answer) => of_answer(answer),
            // Its text may quote the address with its query.
            Err(_) => Verdict::failure(ErrorInfo::untold().kind("transport")),
        })))
    }
}

fn of_answer<B>(answer: &Response<B>) -> Verdict {
    let failed = |kind, code| Verdict::failure(ErrorInfo::untold().kind(kind).code(code));
    match told_by_grpc(answer.headers()) {
        _ if answer.status().as_u16() >= 400 => failed("http", answer.status().as_str()),
        None | Some((Outcome::Success, _)) => Verdict::success(),
        Some((_, code)) => failed("grpc", code),
    }
}

/// The address without user, password, and query.
fn endpoint(uri: &Uri) -> String {
    let scheme = uri.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}{}{port}{}", uri.host().unwrap_or_default(), uri.path())
}
