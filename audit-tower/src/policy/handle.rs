//! The policy that is in force, and how it is replaced.

use std::fmt;
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

    /// Another policy from the beginning on. There is an entry of it as well: otherwise a restart would hide a change.
    pub(crate) fn beginning(recorder: Recorder, policy: Policy) -> Self {
        Edge::new(recorder.clone(), AuditContext::new()).event(in_force(&policy)).finish();
        let current = RwLock::new(Arc::new(policy));
        Self { recorder, shared: Arc::new(Shared { current, ..Shared::default() }) }
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
    /// Dropped half-way, the policy is as it was, and there may be an entry of a change that did not come.
    ///
    /// # Errors
    /// [`NotRecorded`] where the entry could not be committed. The policy is as it was.
    pub async fn replace(&self, policy: Policy) -> Result<Receipt, NotRecorded> {
        let _turn = self.shared.turn.lock().await;
        let event = in_force(&policy).before(self.current().as_value());
        let receipt = self.recorder.record_durable(event).await?;
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(receipt)
    }
}

fn in_force(policy: &Policy) -> EventBuilder {
    __private::policy_event().outcome(Outcome::Success).after(policy.as_value())
}
