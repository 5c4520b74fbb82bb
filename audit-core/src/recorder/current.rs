//! What the code inside an audited function can say of it.

use serde_json::Value;
use uuid::Uuid;

use super::draft::Draft;
use super::scope::{Scope, enter};
use super::{NotRecorded, Refusal};
use crate::event::{Actor, Auditable, EventBuilder, Outcome, Resource, Severity};
use crate::store::Outbox;

/// The audited function within which this runs, the innermost one.
///
/// Cheap, and never empty: where there is no such function, what it is told is forgotten, and what is asked of
/// it fails. It is also not there in a task of its own, which the function need not wait for.
///
/// ```
/// use audit_core::audited;
///
/// # #[derive(Debug)] struct Refused;
/// #[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
/// async fn approve(id: u64, amount: u64) -> Result<(), Refused> {
///     let audit = audit_core::current();
///     audit.label("region", "eu-1").metadata("amount", amount);
///     if amount > 10_000 {
///         audit.deny().reason("above the limit of one approver");
///         return Err(Refused);
///     }
///     Ok(())
/// }
/// # use audit_core::{AuditContext, Query, Recorder, store::MemoryStore};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// # AuditContext::system("test").scope(&recorder, async { approve(7, 20_000).await.ok(); }).await;
/// # recorder.shutdown(std::time::Duration::from_secs(10)).await?;
/// # let page = recorder.reader().search(&Query::new().label("region", "eu-1")).await?;
/// # assert_eq!(page.entries[0].event()["outcome"], "denied");
/// # assert_eq!(page.entries[0].event()["metadata"]["amount"], 20_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn current() -> Current {
    Current { scope: Scope::current() }
}

/// An audited function that is running; see [`current`].
///
/// What is said after the function has ended, and its event has been delivered, is forgotten.
#[derive(Debug, Clone)]
pub struct Current {
    scope: Option<Scope>,
}

impl Current {
    /// Says who acts, of this event only; [`AuditContext::set_actor`](crate::AuditContext::set_actor) says it of
    /// all within the context.
    pub fn actor(&self, actor: Actor) -> &Self {
        self.add(|event| event.actor(actor))
    }

    /// Says what is acted on.
    pub fn resource(&self, resource: Resource) -> &Self {
        self.add(|event| event.on(resource))
    }

    /// Adds a tag.
    pub fn tag(&self, tag: impl Into<String>) -> &Self {
        let tag: String = tag.into();
        self.add(|event| event.tag(tag))
    }

    /// Sets a label.
    pub fn label(&self, name: impl Into<String>, value: impl Into<String>) -> &Self {
        let (name, value): (String, String) = (name.into(), value.into());
        self.add(|event| event.label(name, value))
    }

    /// Sets a member of the metadata.
    pub fn metadata(&self, name: impl Into<String>, value: impl Into<Value>) -> &Self {
        let (name, value): (String, Value) = (name.into(), value.into());
        self.add(|event| event.metadata(name, value))
    }

    /// Says how serious it is for those who operate the system.
    pub fn severity(&self, severity: Severity) -> &Self {
        self.add(|event| event.severity(severity))
    }

    /// Sets the sentence for people. Personal.
    pub fn message(&self, message: impl Into<String>) -> &Self {
        let message: String = message.into();
        self.add(|event| event.message(message))
    }

    /// Says why it was done, or why not.
    pub fn reason(&self, reason: impl Into<String>) -> &Self {
        let reason: String = reason.into();
        self.add(|event| event.reason(reason))
    }

    /// Adds what changed in a resource, and names it where the event names none; see
    /// [`EventBuilder::changed`].
    ///
    /// ```
    /// use audit_core::{Auditable, audited};
    ///
    /// #[derive(Auditable, Clone)]
    /// #[audit(resource = "invoice")]
    /// struct Invoice {
    ///     #[audit(id)]
    ///     id: u64,
    ///     amount: u64,
    /// }
    ///
    /// #[audited(action = "invoice.correct")]
    /// fn correct(invoice: &mut Invoice, amount: u64) {
    ///     let before = invoice.clone();
    ///     invoice.amount = amount;
    ///     audit_core::current().change(&before, invoice);
    /// }
    /// # correct(&mut Invoice { id: 7, amount: 100 }, 250);
    /// ```
    pub fn change<T: Auditable + ?Sized>(&self, before: &T, after: &T) -> &Self {
        let (resource, before, after) = (after.resource(), before.snapshot(), after.snapshot());
        self.add(|event| event.differing(resource, &before, &after))
    }

    /// Adds the state of a resource that was created; see [`EventBuilder::created`].
    pub fn created<T: Auditable + ?Sized>(&self, after: &T) -> &Self {
        let (resource, after) = (after.resource(), after.snapshot());
        self.add(|event| event.state_after(resource, &after))
    }

    /// Adds the state that a resource had which was deleted; see [`EventBuilder::deleted`].
    pub fn deleted<T: Auditable + ?Sized>(&self, before: &T) -> &Self {
        let (resource, before) = (before.resource(), before.snapshot());
        self.add(|event| event.state_before(resource, &before))
    }

    /// Says that the actor is not allowed to. The outcome is *denied* then, whatever the function returns and
    /// whichever status below 500 answers the request: a refusal may look like a success, or like a thing that is not
    /// there. A panic is still a failure; a call that is dropped afterwards is still denied.
    pub fn deny(&self) -> &Self {
        self.add(|event| event.outcome(Outcome::Denied))
    }

    /// Says that a success of this function is not worth an entry, as nothing was there to be done. A failure, a
    /// denial, a panic and a cancellation are recorded all the same; so is what `strict` has begun.
    pub fn discard(&self) -> &Self {
        self.draft(|draft| draft.discarded = true);
        self
    }

    /// Runs something on another thread as if it were here: what is audited in it is recorded in this context.
    ///
    /// ```
    /// # use audit_core::{AuditContext, Recorder, audited, store::MemoryStore};
    /// #[audited(action = "report.print")]
    /// fn print() {}
    ///
    /// # async fn handler() -> Result<(), Box<dyn std::error::Error>> {
    /// let audit = audit_core::current();
    /// tokio::task::spawn_blocking(move || audit.in_scope(print)).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// # AuditContext::system("test").scope(&recorder, handler()).await?;
    /// # recorder.shutdown(std::time::Duration::from_secs(10)).await?;
    /// # let printed = audit_core::Query::new().action("report.print");
    /// # assert_eq!(recorder.reader().search(&printed).await?.entries.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_scope<R>(&self, run: impl FnOnce() -> R) -> R {
        match &self.scope {
            Some(scope) => enter(&mut Some(scope.clone()), run),
            None => run(),
        }
    }

    /// Writes the event of the audited function, as that of an operation that went well, into the transaction
    /// that is open on a connection: for a function that begins and commits its own transaction. Call it
    /// before the commit. The event is in the log if and only if that transaction commits.
    ///
    /// What the function comes to afterwards is recorded apart, unless it is a success: an `Err` of its own, a
    /// panic, a drop. So a transaction that was rolled back may be tried again, with another call.
    ///
    /// Dropped half-way, it has written the event or not.
    ///
    /// # Errors
    /// [`NotRecorded::NotInTransaction`] where there is no audited function, or the database refuses it: the
    /// transaction must be rolled back.
    pub async fn record_in(&self, transaction: &mut impl Outbox) -> Result<Uuid, NotRecorded> {
        match self.scope.as_ref().and_then(Scope::heard) {
            Some(operation) => operation.post(transaction).await,
            None => Err(NotRecorded::NotInTransaction(Refusal::NoOperation)),
        }
    }

    /// Nothing of the caller's runs within `add`: it could ask for the draft as well.
    pub(crate) fn add(&self, add: impl FnOnce(EventBuilder) -> EventBuilder) -> &Self {
        self.draft(|draft| draft.add(add));
        self
    }

    fn draft(&self, work: impl FnOnce(&mut Draft)) {
        if let Some(operation) = self.scope.as_ref().and_then(Scope::heard) {
            work(&mut operation.draft());
        }
    }
}
