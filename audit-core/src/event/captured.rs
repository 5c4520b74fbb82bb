//! What a resource of the application's adds to an event: its state, or what changed in it.

use super::builder::EventBuilder;
use super::diff::differences;
use super::node::{Node, Placed};
use super::payload::child;
use super::resource::{Change, Resource};
use super::seal::MAX_CANONICAL;
use super::snapshot::{Auditable, Snapshot};

/// What is larger fits into no event: its canonical form and its openings have the same limit.
const TOO_LARGE: usize = 2 * MAX_CANONICAL;

impl EventBuilder {
    /// The resource was changed: adds one [`Change`] for each place in it that differs.
    ///
    /// A value that is redacted is in no change: one that changed is told by its path alone, and
    /// `redacted` names the side, or sides, on which it was. A personal value is personal in its change,
    /// and is one value there: no path leads into it.
    ///
    /// Also names the resource, where the event names none, or only the same type without an id.
    ///
    /// ```
    /// # use audit_core::{AuditValue, Auditable, Resource, Snapshot};
    /// # struct Invoice { id: u64, amount: u64 }
    /// # impl Auditable for Invoice {
    /// #     fn resource(&self) -> Resource { Resource::new("invoice", self.id.to_string()) }
    /// #     fn snapshot(&self) -> Snapshot { serde_json::json!({"id": self.id, "amount": self.amount}).into() }
    /// # }
    /// use audit_core::{Event, event::Producer};
    ///
    /// let before = Invoice { id: 7, amount: 100 };
    /// let after = Invoice { amount: 250, ..before };
    /// let event = Event::builder("invoice.correct").changed(&before, &after).build()?;
    ///
    /// let bytes = event.encode(&Producer::new("example"), 0).canon;
    /// assert!(bytes.contains(r#""changes":[{"after":250,"before":100,"path":"/amount"}]"#));
    /// assert!(bytes.contains(r#""resource":{"id":"7","type":"invoice"}"#));
    /// # Ok::<(), audit_core::EventError>(())
    /// ```
    pub fn changed<T: Auditable + ?Sized>(self, before: &T, after: &T) -> Self {
        self.differing(after.resource(), &before.snapshot(), &after.snapshot())
    }

    pub(crate) fn differing(self, resource: Resource, before: &Snapshot, after: &Snapshot) -> Self {
        let mut event = self.about(resource);
        if before.altered || after.altered {
            event = event.altered("/changes");
        }
        let mut placed = Placed::default();
        let mut changes = Vec::new();
        let differences = differences(&before.node, &after.node);
        for (i, difference) in (event.fields.changes.len()..).zip(differences) {
            let sides = [(difference.before, "before"), (difference.after, "after")];
            let personal = sides.iter().any(|(node, _)| matches!(node, Some(Node::Personal(_))));
            let [before, after] = sides.map(|(node, side)| {
                let pointer = format!("/changes/{i}/{side}");
                let value = placed.place(node?, &pointer);
                if personal {
                    placed.personal.push(pointer);
                }
                value
            });
            placed.takes(difference.path.len());
            changes.push(Change { path: difference.path, before, after });
        }
        if placed.least > TOO_LARGE {
            return event.altered("/changes");
        }
        changes.into_iter().fold(event, Self::change).pointing(placed)
    }

    /// The resource was created: its state into `after`, without what is redacted.
    ///
    /// Also names the resource, where the event names none, or only the same type without an id.
    pub fn created<T: Auditable + ?Sized>(self, after: &T) -> Self {
        self.state_after(after.resource(), &after.snapshot())
    }

    /// The resource was deleted: the state that it had into `before`, without what is redacted.
    ///
    /// Also names the resource, where the event names none, or only the same type without an id.
    pub fn deleted<T: Auditable + ?Sized>(self, before: &T) -> Self {
        self.state_before(before.resource(), &before.snapshot())
    }

    pub(crate) fn state_after(self, resource: Resource, after: &Snapshot) -> Self {
        self.about(resource).holding("/after", "/after", after, Self::after)
    }

    pub(crate) fn state_before(self, resource: Resource, before: &Snapshot) -> Self {
        self.about(resource).holding("/before", "/before", before, Self::before)
    }

    /// Sets a member of the metadata to what a value with rules of its own looks like.
    pub(crate) fn metadata_of(self, name: &str, value: &Snapshot) -> Self {
        let keep = |event: Self, value| event.metadata(name, value);
        self.holding("/metadata", &child("/metadata", name), value, keep)
    }

    /// Keeps a snapshot at a place within a member of the event.
    fn holding(
        self,
        member: &'static str,
        pointer: &str,
        snapshot: &Snapshot,
        keep: impl FnOnce(Self, serde_json::Value) -> Self,
    ) -> Self {
        let event = if snapshot.altered { self.altered(member) } else { self };
        let mut placed = Placed::default();
        let value = placed.place(&snapshot.node, pointer);
        if placed.least > TOO_LARGE {
            return event.altered(member);
        }
        let event = event.pointing(placed);
        match value {
            Some(value) => keep(event, value),
            None => event,
        }
    }

    fn about(mut self, resource: Resource) -> Self {
        match &mut self.fields.resource {
            Some(named) if named.id.is_none() && named.kind == resource.kind => {
                named.id = resource.id;
                named.altered.extend(resource.altered);
            }
            Some(_) => {}
            none => *none = Some(resource),
        }
        self
    }

    fn pointing(self, placed: Placed) -> Self {
        let event = placed.personal.into_iter().fold(self, Self::personal);
        placed.redacted.into_iter().fold(event, Self::redacted)
    }
}
