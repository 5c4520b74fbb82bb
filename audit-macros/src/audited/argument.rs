//! The arguments that there are, and how each is written.

/// An argument. Each has its line in [`KNOWN`] and its arm in `Given::keep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What stands behind an argument's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `= expression`
    Value,
    /// `(.., ..)`
    List,
    /// Nothing.
    Word,
}

/// How each argument is written, and an example for the messages.
pub(crate) const KNOWN: [(Name, Form, &str, &str); 23] = [
    (Name::Action, Form::Value, "action", "action = \"invoice.approve\""),
    (Name::Resource, Form::Value, "resource", "resource = \"invoice\""),
    (Name::ResourceId, Form::Value, "resource_id", "resource_id = id"),
    (
        Name::ResourceIdFrom,
        Form::Value,
        "resource_id_from",
        "resource_id_from = |made: &Invoice| made.id",
    ),
    (Name::Parent, Form::List, "parent", "parent(\"customer\", customer_id)"),
    (Name::Actor, Form::Value, "actor", "actor = Actor::user(user_id)"),
    (Name::Category, Form::Value, "category", "category = \"billing\""),
    (Name::Severity, Form::Value, "severity", "severity = warning"),
    (Name::Sensitivity, Form::Value, "sensitivity", "sensitivity = high"),
    (Name::Message, Form::Value, "message", "message = \"invoice {id} approved\""),
    (Name::Tags, Form::List, "tags", "tags(\"billing\", region)"),
    (Name::Labels, Form::List, "labels", "labels(region = region, desk = 7)"),
    (Name::Metadata, Form::List, "metadata", "metadata(amount = amount)"),
    (Name::Reason, Form::Value, "reason", "reason = ticket"),
    (Name::Retention, Form::Value, "retention", "retention = \"finance\""),
    (Name::Sensitive, Form::Word, "sensitive", "sensitive"),
    (Name::Compliance, Form::Word, "compliance", "compliance"),
    (Name::Durability, Form::Value, "durability", "durability = durable"),
    (Name::Transaction, Form::Value, "transaction", "transaction = tx"),
    (Name::Recorder, Form::Value, "recorder", "recorder = self.recorder"),
    (Name::Outcome, Form::Value, "outcome", "outcome = of_page"),
    (Name::SkipIf, Form::Value, "skip_if", "skip_if = items.is_empty()"),
    (Name::Crate, Form::Value, "crate", "crate = billing::audit_core"),
];

/// All names, for whoever wrote one that there is not.
pub(crate) fn known() -> String {
    let names = KNOWN.map(|(_, _, word, _)| format!("`{word}`"));
    format!("it takes {}", names.join(", "))
}
