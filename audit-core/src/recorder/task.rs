//! Tasks that run in a context.

use std::pin::pin;

use tokio::task::JoinHandle;

use super::{Call, Recorder, Run, Scope};
use crate::context::AuditContext;

impl AuditContext {
    /// Runs a future within this context: audited functions in it record to `recorder`, with the facts
    /// of this context.
    ///
    /// Safe to drop: the future is dropped with it.
    ///
    /// ```
    /// # use audit_core::{AuditContext, Event, Query, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// let nightly = AuditContext::system("nightly-import");
    /// nightly.scope(&recorder, async {
    ///     // Not `tokio::spawn`, which knows nothing of the context.
    ///     audit_core::spawn(import(recorder.clone())).await
    /// }).await?;
    /// # let page = recorder.reader().search(&Query::new().actor("nightly-import")).await?;
    /// # assert_eq!(page.entries.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # async fn import(recorder: Recorder) {
    /// #     recorder.record_durable(Event::builder("import.run")).await.ok();
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn scope<F: Future>(&self, recorder: &Recorder, future: F) -> F::Output {
        let scope = Scope::new(recorder.clone(), self.clone());
        Run::new(Call::apart(scope), pin!(Some(future))).await.1
    }
}

/// Runs a future in the current context, but apart from the operation around it: events within have the current event
/// as their parent, and are finished by themselves. None of them is taken for what the request was about.
///
/// Safe to drop: the future is dropped with it.
pub fn apart<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let scope = Scope::current();
    async move {
        // Where it was made there may have been none, as in the worker of a service with a buffer.
        match scope.or_else(Scope::current).map(Scope::apart) {
            Some(scope) => Run::new(Call::apart(scope), pin!(Some(future))).await.1,
            None => future.await,
        }
    }
}

/// Spawns a task that runs in the current context. (A task spawned by other means has none.)
///
/// Events within it have the current event as their parent, and are finished by themselves: an edge does
/// not wait for tasks.
///
/// # Panics
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "the caller owns the task")]
    tokio::spawn(apart(future))
}
