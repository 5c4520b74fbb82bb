//! What is to be told about a request: expected by the one who sends it, found in the log.

use audit_core::store::Entry;
use serde_json::Value;

/// The members of an entry that follow from the request alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) request: String,
    action: String,
    outcome: String,
    actor: Option<String>,
    /// Type and id.
    resource: Option<String>,
    status: Option<u16>,
    truncated: Vec<String>,
}

impl Line {
    pub(crate) fn new(action: &str, outcome: &str) -> Self {
        Self { action: action.into(), outcome: outcome.into(), ..Self::default() }
    }

    pub(crate) fn by(self, actor: &str) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    pub(crate) fn on(self, kind: &str, id: impl ToString) -> Self {
        Self { resource: Some(format!("{kind}/{}", id.to_string())), ..self }
    }

    /// On no single one of its type.
    pub(crate) fn on_all(self, kind: &str) -> Self {
        Self { resource: Some(kind.into()), ..self }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    pub(crate) fn truncated(self, pointer: &str) -> Self {
        Self { truncated: vec![pointer.into()], ..self }
    }

    pub(crate) fn request(self, id: impl Into<String>) -> Self {
        Self { request: id.into(), ..self }
    }

    pub(crate) fn of(entry: &Entry) -> Self {
        let event = entry.event();
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let resource = text("/resource/type").map(|kind| match text("/resource/id") {
            Some(id) => format!("{kind}/{id}"),
            None => kind,
        });
        let truncated =
            event["truncated"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Self {
            request: text("/request/id").unwrap_or_default(),
            action: text("/action").unwrap_or_default(),
            outcome: text("/outcome").unwrap_or_default(),
            actor: text("/actor/id"),
            resource,
            status: event
                .pointer("/request/status")
                .and_then(Value::as_u64)
                .map(|status| status.try_into().unwrap()),
            truncated: truncated.map(str::to_owned).collect(),
        }
    }
}
