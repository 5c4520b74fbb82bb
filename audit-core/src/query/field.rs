//! What of an event can be asked for.

use std::str::FromStr;

use serde_json::Value;
use uuid::Uuid;

use crate::event::{
    ActorKind, Outcome, Sensitivity, Severity, SourceSystem, Term, UnknownWord, is_public,
};

/// Each with its name in the [search language](super::language), and where it stands in an event; `*` is each of a list.
macro_rules! fields {
    ($($variant:ident $name:literal $place:literal)*) => {
        /// What of an event a [`Condition`](super::Condition) asks for. Its name in the search language is what it is displayed as.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field {
            $(#[doc = concat!("`", $name, "`: `", $place, "`")] $variant,)*
            /// `label.KEY`: the text of a label.
            Label(String),
            /// `parent.TYPE`: the id of the resource of this type that the resource is a part of.
            Parent(String),
            /// `resources.TYPE`: the ids of the resources of this type among those of a bulk operation.
            Resources(String),
        }

        /// The names of all fields but for those with a key of their own.
        pub(crate) const NAMES: &[&str] = &[$($name),*];

        impl Field {
            fn parts(&self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$variant => ($name, $place),)*
                    Self::Label(_) => ("label", "/labels"),
                    Self::Parent(_) => ("parent", "/resource/parent"),
                    Self::Resources(_) => ("resources", "/resources/*"),
                }
            }

            /// The field of this name, without a key.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

fields! {
    Id "id" "/id"
    Action "action" "/action"
    Category "category" "/category"
    Severity "severity" "/severity"
    Sensitivity "sensitivity" "/sensitivity"
    Message "message" "/message"
    Reason "reason" "/reason"
    Tag "tag" "/tags/*"
    Outcome "outcome" "/outcome"
    Stage "stage" "/stage"
    Begun "begun" "/begun_id"
    ParentEvent "parent_event" "/parent_id"
    ErrorCode "error.code" "/error/code"
    ErrorKind "error.kind" "/error/kind"
    ErrorMessage "error.message" "/error/message"
    Duration "duration_us" "/duration_us"
    Actor "actor" "/actor/id"
    ActorKind "actor.kind" "/actor/kind"
    ActorName "actor.name" "/actor/name"
    ActorEmail "actor.email" "/actor/email"
    Role "role" "/actor/roles/*"
    Credential "credential" "/actor/credential/id"
    OnBehalfOf "on_behalf_of" "/actor/on_behalf_of/*/id"
    Tenant "tenant" "/tenant"
    ResourceType "resource.type" "/resource/type"
    ResourceId "resource.id" "/resource/id"
    ResourceName "resource.name" "/resource/name"
    Changed "changed" "/changes/*/path"
    Request "request" "/request/id"
    Session "session" "/request/session"
    Correlation "correlation" "/request/correlation_id"
    Trace "trace" "/request/trace_id"
    Method "method" "/request/method"
    Route "route" "/request/route"
    Host "host" "/request/host"
    Status "status" "/request/status"
    UserAgent "user_agent" "/request/user_agent"
    Source "source" "/source/system"
    Service "service" "/source/service"
    ServiceVersion "service.version" "/source/version"
    Instance "instance" "/source/instance"
    Operation "operation" "/operation_id"
    Producer "producer" "/producer/id"
    Retention "retention" "/retention"
    Sensitive "sensitive" "/is_sensitive"
    ComplianceRelevant "compliance" "/is_compliance_relevant"
}

impl Field {
    /// Where it stands in an event; `*` is each of a list.
    pub(crate) fn place(&self) -> &'static str {
        self.parts().1
    }

    /// The key that a name has behind its first dot.
    pub(super) fn keyed(name: &str, key: String) -> Option<Self> {
        match name {
            "label" => Some(Self::Label(key)),
            "parent" => Some(Self::Parent(key)),
            "resources" => Some(Self::Resources(key)),
            _ => None,
        }
    }

    /// Its name, and the key that belongs to it.
    pub(super) fn name(&self) -> (&'static str, Option<&str>) {
        let key = match self {
            Self::Label(key) | Self::Parent(key) | Self::Resources(key) => Some(&**key),
            _ => None,
        };
        (self.parts().0, key)
    }

    /// Whether it is in the [public view](crate::store::Entry::public) of an entry.
    #[must_use]
    pub fn is_public(&self) -> bool {
        is_public(self.parts().1)
    }

    /// Whether it is a number, and can be more or less.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Status | Self::Duration)
    }

    /// Says why no event has such a value, if none can have it.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        let one_of = |words: [&str; 2]| match words.contains(&value) {
            true => Ok(()),
            false => Err(format!("`{self}` is `{}` or `{}`", words[0], words[1])),
        };
        match self {
            Self::Id if Uuid::parse_str(value).is_err() => {
                Err("an event's id is a UUID".to_owned())
            }
            Self::Outcome => word::<Outcome>(value),
            Self::Severity => word::<Severity>(value),
            Self::Sensitivity => word::<Sensitivity>(value),
            Self::ActorKind => word::<ActorKind>(value),
            Self::Source => word::<SourceSystem>(value),
            Self::Stage => one_of(["begun", "complete"]),
            Self::Sensitive | Self::ComplianceRelevant => one_of(["true", "false"]),
            _ if self.is_number() && value.parse::<i64>().is_err() => {
                Err(format!("`{self}` is a number: write `500`, `400..499`, `>=400` or `<500`"))
            }
            _ => Ok(()),
        }
    }

    /// The term of a value, if events have one for it.
    pub(super) fn term(&self, value: &str) -> Option<Term> {
        let name = match self {
            Self::Category => "category",
            Self::Severity => "severity",
            Self::Outcome => "outcome",
            Self::Tag => "tag",
            Self::Begun => "begun_id",
            Self::Tenant => "tenant",
            Self::Request => "request.id",
            Self::Session => "request.session",
            Self::Correlation => "request.correlation_id",
            Self::Trace => "request.trace_id",
            Self::Operation => "operation_id",
            Self::Stage if value == "begun" => "stage",
            Self::ComplianceRelevant if value == "true" => "is_compliance_relevant",
            Self::Label(key) => return Some(Term::of_pair("label", key, value)),
            Self::Parent(kind) => return Some(Term::of_pair("resource.parent", kind, value)),
            Self::Resources(kind) => return Some(Term::of_pair("resources", kind, value)),
            _ => return None,
        };
        Some(Term::new(name, value))
    }

    /// Its values in an event, as they are written in a condition.
    pub(crate) fn values(&self, event: &Value) -> Vec<String> {
        let mut values = Vec::new();
        self.any(event, |value| {
            values.extend(match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
                _ => None,
            });
            false
        });
        values
    }

    /// Whether any of its values in an event is such: they are looked at up to the first.
    pub(super) fn any(&self, event: &Value, mut is_such: impl FnMut(&Value) -> bool) -> bool {
        let mut of_kind = |resource: &Value, kind: &str| {
            resource.get("type").is_some_and(|there| there == kind)
                && resource.get("id").is_some_and(&mut is_such)
        };
        let (_, place) = self.parts();
        match self {
            Self::Label(key) => event["labels"].get(key).is_some_and(is_such),
            Self::Parent(kind) | Self::Resources(kind) => {
                any_at(event, place, &mut |resource| of_kind(resource, kind))
            }
            _ => any_at(event, place, &mut is_such),
        }
    }
}

/// Whether a value is one of a closed vocabulary.
fn word<T: FromStr<Err = UnknownWord>>(value: &str) -> Result<(), String> {
    value.parse::<T>().map(drop).map_err(|why| why.to_string())
}

/// Whether any value at a place is such.
fn any_at(value: &Value, place: &str, is_such: &mut dyn FnMut(&Value) -> bool) -> bool {
    let Some(rest) = place.strip_prefix('/') else {
        return is_such(value);
    };
    let (member, rest) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    match member {
        "*" => value.as_array().into_iter().flatten().any(|each| any_at(each, rest, is_such)),
        _ => value.get(member).is_some_and(|value| any_at(value, rest, is_such)),
    }
}
