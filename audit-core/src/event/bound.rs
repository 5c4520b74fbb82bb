//! How large an event is at the most, told from its lengths alone.
//!
//! Most events are far from the limit: adding up costs a fraction of what it costs to write them. Each structure is
//! taken apart by its members' names, so that none can be forgotten.

use serde_json::Value;

use super::actor::{Actor, Credential, Principal};
use super::failure::ErrorInfo;
use super::fields::Fields;
use super::request::{RequestInfo, Source};
use super::resource::{Change, Resource};

/// All names of members that are there once, with their punctuation, and all members of a fixed length.
const FIXED: usize = 2_048;

/// What stands around one item of a list: names, punctuation, words of a fixed list.
const ITEM: usize = 96;

/// What a personal value has beside itself: a commitment and its pointer in the canonical form; pointer, salt and
/// punctuation in the openings.
const PERSONAL: usize = 160;

/// The longest number: a float is written in full.
const NUMBER: usize = 400;

/// How many bytes one of a text may take in JSON: as `\u001f`.
const ESCAPED: usize = 6;

/// No fewer bytes than the canonical form of an event takes without its producer, and no fewer than its openings take. All
/// that it holds is counted as text: where that is too much, the bytes are counted.
pub(super) fn bound(held: usize) -> usize {
    held.saturating_mul(ESCAPED)
}

/// About the memory that an event takes.
pub(super) fn held(fields: &Fields) -> usize {
    let Fields {
        id: _,
        is_checked: _,
        is_unknown: _,
        occurred_at: _,
        parent_id: _,
        is_begun: _,
        begun_id: _,
        imported,
        action,
        category,
        severity: _,
        sensitivity: _,
        message,
        reason,
        tags,
        labels,
        metadata,
        outcome: _,
        error,
        duration_us: _,
        status: _,
        actor,
        tenant,
        request,
        source,
        operation_id,
        resource,
        resources,
        before,
        after,
        changes,
        retention,
        is_sensitive: _,
        is_compliance_relevant: _,
        personal,
        redacted,
        altered,
    } = fields;
    let mut size = Bytes(FIXED);
    size.text(action);
    size.texts([category, reason, tenant, operation_id]);
    size.text(retention.as_deref().unwrap_or_default());
    size.personal(message);
    size.list(tags);
    size.list(redacted);
    size.list(altered);
    size.list(personal);
    size.add(personal.len().saturating_mul(PERSONAL));
    imported.iter().for_each(|(from, id)| size.list([from, id]));
    labels.iter().for_each(|(name, value)| size.list([name, value]));
    metadata.iter().for_each(|(name, value)| size.member(name, value));
    [before, after].into_iter().flatten().for_each(|value| size.json(value));
    changes.iter().for_each(|change| size.change(change));
    if let Some(error) = error {
        size.error(error);
    }
    if let Some(actor) = actor {
        size.actor(actor);
    }
    if let Some(request) = request.as_ref().and_then(|request| request.request()) {
        size.request(request);
    }
    if let Some(source) = source {
        let Source { system: _, service, version, instance, altered } = &**source;
        size.texts([service, version, instance]);
        size.list(altered);
    }
    resource.iter().chain(resources).for_each(|resource| size.resource(resource));
    size.0
}

/// A number of bytes: what canonical form and openings have together is not less than either has.
struct Bytes(usize);

impl Bytes {
    fn add(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes);
    }

    /// With quotes and a comma around it.
    fn text(&mut self, text: &str) {
        self.add(text.len().saturating_add(3));
    }

    fn texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a Option<String>>) {
        texts.into_iter().flatten().for_each(|text| self.text(text));
    }

    fn list<T: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = T>) {
        texts.into_iter().for_each(|text| self.text(text.as_ref()));
    }

    fn personal(&mut self, text: &Option<String>) {
        if let Some(text) = text {
            self.text(text);
            self.add(PERSONAL);
        }
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => self.add(6),
            Value::Number(number) if number.is_u64() || number.is_i64() => self.add(24),
            // With `serde_json/arbitrary_precision`, one that a client sends is as long as the client likes.
            Value::Number(number) => self.add(number.to_string().len().max(NUMBER)),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.add(3);
                items.iter().for_each(|item| self.json(item));
            }
            Value::Object(members) => {
                self.add(3);
                members.iter().for_each(|(name, item)| self.member(name, item));
            }
        }
    }

    fn member(&mut self, name: &str, value: &Value) {
        self.text(name);
        self.json(value);
        // Where a list of personal values names it, its pointer is counted there.
        self.add(2);
    }

    fn change(&mut self, change: &Change) {
        let Change { path, before, after } = change;
        self.add(ITEM);
        self.text(path);
        [before, after].into_iter().flatten().for_each(|value| self.json(value));
    }

    fn error(&mut self, error: &ErrorInfo) {
        let ErrorInfo { code, message, kind, stack, altered } = error;
        self.texts([code, kind]);
        self.personal(message);
        self.personal(stack);
        self.list(altered);
    }

    fn actor(&mut self, actor: &Actor) {
        let Actor { kind: _, id, name, email, roles, credential, on_behalf_of, altered } = actor;
        self.text(id);
        self.personal(name);
        self.personal(email);
        self.list(roles);
        if let Some(Credential { kind, id }) = credential {
            self.list([kind, id]);
        }
        for Principal { kind: _, id, name } in on_behalf_of {
            self.add(ITEM);
            self.text(id);
            self.personal(name);
        }
        self.list(altered);
    }

    fn request(&mut self, request: &RequestInfo) {
        let request = request.facts();
        self.add(request.length());
        self.add(if request.user_agent.is_some() { PERSONAL } else { 0 });
        self.add(if request.peer.is_some() { PERSONAL } else { 0 });
        // The longest address has 45 characters, of which none is escaped.
        self.add(if request.ip.is_some() { PERSONAL + 48 } else { 0 });
        self.list(&request.altered);
    }

    fn resource(&mut self, resource: &Resource) {
        let Resource { kind, id, name, parent, altered } = resource;
        self.add(ITEM);
        self.text(kind);
        self.add(id.as_ref().map_or(0, |id| id.bytes().len().saturating_add(3)));
        self.personal(name);
        if let Some((kind, id)) = parent {
            self.list([kind, id]);
        }
        self.list(altered);
    }
}
