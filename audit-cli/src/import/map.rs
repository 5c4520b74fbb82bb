//! How a row becomes an event: a file in TOML.

use std::collections::BTreeMap;
use std::str::FromStr;

use audit_core::EventBuilder;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::Row;
use super::said::{KNOWN, Said};

/// A map, checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Map {
    /// The name of the other system.
    pub(crate) from: String,
    /// How its times are written.
    #[serde(default = "rfc3339")]
    time: String,
    /// What is left behind.
    #[serde(default)]
    drop: Vec<String>,
    /// What is the same in all events.
    #[serde(default)]
    constants: BTreeMap<String, String>,
    /// Members of an event, and where in a row each stands.
    members: BTreeMap<String, String>,
    /// What a value at a place of the row means: members and their texts.
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
}

/// A text that is no map.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MapError {
    #[error("this is no map of an import")]
    Toml(#[from] toml::de::Error),
    #[error("there is no member `{0}` of an event that could be imported: use one of {KNOWN}")]
    Unknown(String),
    #[error("no place is named for the member `{0}`, without which nothing can be imported")]
    Missing(&'static str),
}

fn rfc3339() -> String {
    "rfc3339".to_owned()
}

impl FromStr for Map {
    type Err = MapError;

    fn from_str(text: &str) -> Result<Self, MapError> {
        let map: Self = toml::from_str(text)?;
        let meant = map.values.values().flat_map(BTreeMap::values).flat_map(BTreeMap::keys);
        let mut named: Vec<&String> = map.members.keys().chain(map.constants.keys()).collect();
        named.extend(meant);
        for member in &named {
            if !Said::knows(member) {
                return Err(MapError::Unknown((*member).clone()));
            }
        }
        for member in ["id", "occurred_at"] {
            if !map.members.contains_key(member) {
                return Err(MapError::Missing(member));
            }
        }
        match named.iter().any(|member| *member == "action") {
            true => Ok(map),
            false => Err(MapError::Missing("action")),
        }
    }
}

impl Map {
    /// The id that a row had, and the event that it becomes; or why it becomes none.
    pub(crate) fn event(&self, mut row: Row) -> Result<(String, EventBuilder), String> {
        let mut said = Said::default();
        for (member, text) in &self.constants {
            said.set(member, Value::from(&**text));
        }
        for (member, place) in &self.members {
            if let Some(value) = at(&row, place) {
                said.set(member, value.clone());
            }
        }
        for (place, meanings) in &self.values {
            let Some(value) = at(&row, place) else {
                continue;
            };
            let text = text(value);
            let meaning = meanings.get(&text).ok_or_else(|| {
                format!("`{place}` is `{text}`, of which `[values.\"{place}\"]` says nothing")
            })?;
            for (member, text) in meaning {
                said.set(member, Value::from(&**text));
            }
        }
        let used = self.members.values().chain(self.values.keys()).chain(&self.drop);
        for place in used {
            forget(&mut row, place);
        }
        said.event(row, |text| self.time(text))
    }

    fn time(&self, value: &Value) -> Result<DateTime<Utc>, String> {
        let text = text(value);
        let count = || text.parse::<i64>().ok();
        let time = match &*self.time {
            "rfc3339" => text.parse().ok(),
            "unix" => count().and_then(|it| DateTime::from_timestamp(it, 0)),
            "unix_ms" => count().and_then(DateTime::from_timestamp_millis),
            "unix_us" => count().and_then(DateTime::from_timestamp_micros),
            // With an offset, or in UTC.
            format => DateTime::parse_from_str(&text, format)
                .map(|time| time.to_utc())
                .or_else(|_| NaiveDateTime::parse_from_str(&text, format).map(|it| it.and_utc()))
                .ok(),
        };
        time.ok_or_else(|| format!("`{text}` is no time as `time = \"{}\"` says", self.time))
    }
}

/// What stands at a place: a member, or a JSON pointer.
fn at<'a>(row: &'a Row, place: &str) -> Option<&'a Value> {
    let value = match place.strip_prefix('/') {
        None => row.get(place),
        Some(rest) => {
            let below = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
            row.get(first(place))?.pointer(below)
        }
    };
    value.filter(|value| !value.is_null())
}

/// Takes out what stands at a place, and what it was all of. In an array, whose places count, it leaves null.
fn forget(row: &mut Row, place: &str) {
    let Some((parent, last)) = place.rsplit_once('/').filter(|_| place.starts_with('/')) else {
        row.remove(place);
        return;
    };
    if parent.is_empty() {
        row.remove(last);
        return;
    }
    let below = parent.get(1..).and_then(|it| Some(it.split_at(it.find('/')?).1));
    let outer = row.get_mut(first(parent));
    let is_empty = match outer.and_then(|it| it.pointer_mut(below.unwrap_or_default())) {
        Some(Value::Object(members)) => {
            let last = last.replace("~1", "/").replace("~0", "~");
            members.remove(&last).is_some() && members.is_empty()
        }
        Some(array @ Value::Array(_)) => {
            let item = array.pointer_mut(&format!("/{last}")).map(Value::take);
            let left = array.as_array();
            item.is_some() && left.is_some_and(|left| left.iter().all(Value::is_null))
        }
        _ => false,
    };
    if is_empty {
        forget(row, parent);
    }
}

/// The member of the row in which a place lies.
fn first(place: &str) -> &str {
    match place.strip_prefix('/') {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => place,
    }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
