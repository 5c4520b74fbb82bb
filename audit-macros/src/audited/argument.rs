//! The arguments that there are, and how each is written.

/// An argument. Each has its line in [`KNOWN`] and its arm in `Given::keep`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Action,
    Resource,
    ResourceId,
    ResourceIdFrom,
    Parent,
    Actor,
    Category,
    Severity,
    Sensitivity,
    Message,
    Tags,
    Labels,
    Metadata,
    Reason,
    Retention,
    Sensitive,
    Compliance,
    Durability,
    Transaction,
    Recorder,
    Outcome,
    SkipIf,
    Crate,
}

/// How each argument is written, and an example for the messages.
pub(crate) const KNOWN: [(Name, &str, &str); 23] = [
    (Name::Action, "action", "action = \"invoice.approve\""),
    (Name::Resource, "resource", "resource = \"invoice\""),
    (Name::ResourceId, "resource_id", "resource_id = id"),
    (Name::ResourceIdFrom, "resource_id_from", "resource_id_from = |made: &Invoice| made.id"),
    (Name::Parent, "parent", "parent(\"customer\", customer_id)"),
    (Name::Actor, "actor", "actor = Actor::user(user_id)"),
    (Name::Category, "category", "category = \"billing\""),
    (Name::Severity, "severity", "severity = warning"),
    (Name::Sensitivity, "sensitivity", "sensitivity = high"),
    (Name::Message, "message", "message = \"invoice {id} approved\""),
    (Name::Tags, "tags", "tags(\"billing\", region)"),
    (Name::Labels, "labels", "labels(region = region, desk = 7)"),
    (Name::Metadata, "metadata", "metadata(amount = amount)"),
    (Name::Reason, "reason", "reason = ticket"),
    (Name::Retention, "retention", "retention = \"finance\""),
    (Name::Sensitive, "sensitive", "sensitive"),
    (Name::Compliance, "compliance", "compliance"),
    (Name::Durability, "durability", "durability = durable"),
    (Name::Transaction, "transaction", "transaction = tx"),
    (Name::Recorder, "recorder", "recorder = self.recorder"),
    (Name::Outcome, "outcome", "outcome = of_page"),
    (Name::SkipIf, "skip_if", "skip_if = items.is_empty()"),
    (Name::Crate, "crate", "crate = ::billing::audit_core"),
];

/// All names, for whoever wrote one that there is not.
pub(crate) fn known() -> String {
    let names = KNOWN.map(|(_, word, _)| format!("`{word}`"));
    format!("it takes {}", names.join(", "))
}
