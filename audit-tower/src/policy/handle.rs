//! The policy that is in force, and how it is replaced.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use audit_core::recorder::Edge;
use audit_core::{__private, AuditContext, EventBuilder, NotRecorded, Outcome, Receipt, Recorder};
use tokio::sync::Mutex;

use super::Policy;

/// The policy of a layer, which can be replaced while the layer is at work; from
/// [`AuditLayer::policy_handle`](crate::AuditLayer::policy_handle). Clones are the same handle.
#[derive(Clone)]
pub struct PolicyHandle {
    recorder: Recorder,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    current: RwLock<Arc<Policy>>,
    /// Whether an entry has to say yet that the application began with it.
    is_news: AtomicBool,
    /// Held while one policy replaces another, so that the last entry is about the policy in force.
    turn: Mutex<()>,
}

impl fmt::Debug for PolicyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyHandle").field(&self.current()).finish()
    }
}

impl PolicyHandle {
    /// The default policy.
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self { recorder, shared: Arc::default() }
    }

    /// Another policy from the beginning on.
    pub(crate) fn beginning(recorder: Recorder, policy: Policy) -> Self {
        let shared = Shared {
            current: RwLock::new(Arc::new(policy)),
            is_news: AtomicBool::new(true),
            turn: Mutex::default(),
        };
        Self { recorder, shared: Arc::new(shared) }
    }

    /// Says by an entry, once, that the application began with another policy than the default one: otherwise a restart
    /// would hide a change.
    pub(crate) fn tell_beginning(&self, context: &AuditContext) {
        if self.shared.is_news.swap(false, Ordering::Relaxed) {
            let event = in_force(&self.current()).outcome(Outcome::Success);
            Edge::new(self.recorder.clone(), context, None).event(event).finish();
        }
    }

    /// The policy in force.
    #[must_use]
    pub fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another policy in force, when the entry that says so is committed: `audit.policy` in the class `audit`, with
    /// all rules before and after, and with the actor and request of the current context. Requests that are under way
    /// end by the policy that they began with.
    ///
    /// Dropped half-way, or with an error, the policy is as it was. As the entry of the change may be committed yet, a
    /// further one says so: a failure, with the rules that are in force.
    ///
    /// # Errors
    /// [`NotRecorded`] where the entry could not be committed in time.
    pub async fn replace(&self, policy: Policy) -> Result<Receipt, NotRecorded> {
        let _turn = self.shared.turn.lock().await;
        let event = in_force(&policy).outcome(Outcome::Success).before(self.current().as_value());
        let correction = Correction(Some(self));
        let receipt = self.recorder.record_durable(event).await?;
        correction.cancel();
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(receipt)
    }
}

/// Says when it is dropped that a policy is in force after all.
struct Correction<'a>(Option<&'a PolicyHandle>);

impl Correction<'_> {
    fn cancel(mut self) {
        self.0 = None;
    }
}

impl Drop for Correction<'_> {
    fn drop(&mut self) {
        if let Some(handle) = self.0 {
            let event = in_force(&handle.current())
                .outcome(Outcome::Failure)
                .reason("the policy was not replaced, whatever the entry before this one says");
            Edge::new(handle.recorder.clone(), &AuditContext::new(), None).event(event).finish();
        }
    }
}

fn in_force(policy: &Policy) -> EventBuilder {
    __private::event_of_the_log("audit.policy").after(policy.as_value())
}
