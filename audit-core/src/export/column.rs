//! What stands in the columns of a CSV file.

use std::fmt;
use std::str::FromStr;

use crate::event::{is_public, unescaped};
use crate::query::{FIELDS, Field};

/// Columns that are no field of the search language.
const OTHERS: [(&str, Place); 6] = [
    ("log", Place::Log),
    ("index", Place::Index),
    ("leaf_hash", Place::LeafHash),
    ("recorded_at", Place::RecordedAt),
    ("occurred_at", Place::Event),
    ("ip", Place::Event),
];

/// What an auditor asks for first, and nothing personal.
const DEFAULT: &str = "log,index,recorded_at,occurred_at,id,action,outcome,severity,category,tenant,actor.kind,actor,resource.type,\
                       resource.id,reason,error.code,error.kind,duration_us,source,service,request,correlation,trace,method,route,\
                       status,leaf_hash";

/// What is personal in every event that has it.
const PERSONAL: [&str; 7] =
    ["message", "error.message", "actor.name", "actor.email", "resource.name", "ip", "user_agent"];

/// A column of a CSV file. As a text it is
/// - the name of a [`Field`] in the search language: `actor`, `label.env`; if it has several values, they stand with `;` between them;
/// - `occurred_at`, or `ip`;
/// - `log`, `index`, `leaf_hash`, `recorded_at`: of the entry;
/// - a JSON pointer into the event: `/metadata/attempt`, `/after`. What is no text, number or flag there stands as JSON.
///
/// ```
/// use audit_core::export::Column;
///
/// let columns = Column::list("actor,action,/metadata/attempt")?;
/// assert_eq!(columns[2].to_string(), "/metadata/attempt");
/// let error = Column::list("acter").unwrap_err();
/// assert_eq!(error.to_string(), "there is no column `acter`, did you mean `actor`?");
/// # Ok::<(), audit_core::export::ColumnError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: String,
    pub(super) place: Place,
    /// Where in the event; [`Step::Each`] is each of a list.
    pub(super) path: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Log,
    Index,
    LeafHash,
    RecordedAt,
    Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Each,
}

/// A text that is no column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no column `{name}`{hint}")]
pub struct ColumnError {
    name: String,
    hint: String,
}

impl Column {
    /// Columns by their names, with commas between.
    ///
    /// # Errors
    /// [`ColumnError`] names one that is none.
    pub fn list(names: &str) -> Result<Vec<Self>, ColumnError> {
        names.split(',').map(str::parse).collect()
    }

    /// The columns of who does not choose. With personal values, those that hold some stand behind the others.
    #[must_use]
    pub fn default_set(with_personal: bool) -> Vec<Self> {
        let personal = PERSONAL.iter().copied().filter(|_| with_personal);
        DEFAULT.split(',').chain(personal).filter_map(|name| name.parse().ok()).collect()
    }

    /// Whether it is empty in every export without personal values. Payloads can have some at any place, which is then empty, too.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        PERSONAL.contains(&&*self.name)
    }

    /// Whether it is in the [public view](crate::store::Entry::public) of an entry.
    #[must_use]
    pub fn is_public(&self) -> bool {
        let step = |step: &Step| match step {
            Step::Member(name) => format!("/{name}"),
            Step::Each => "/*".to_owned(),
        };
        self.place != Place::Event || is_public(&self.path.iter().map(step).collect::<String>())
    }

    /// Whether something there may be personal in one event, and not in another one.
    pub(super) fn is_payload(&self) -> bool {
        self.name.starts_with('/')
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Column {
    type Err = ColumnError;

    fn from_str(name: &str) -> Result<Self, ColumnError> {
        let name = name.trim();
        let other = OTHERS.iter().find(|(other, _)| *other == name);
        let place = other.map_or(Place::Event, |(_, place)| *place);
        let path = match (name, place) {
            ("occurred_at", _) => steps("/occurred_at"),
            ("ip", _) => steps("/request/ip"),
            (_, Place::Event) if name.starts_with('/') => {
                let members = name.split('/').skip(1);
                members.map(|member| Step::Member(unescaped(member).into_owned())).collect()
            }
            (_, Place::Event) => match name.strip_prefix("label.") {
                Some(key) => vec![Step::Member("labels".to_owned()), Step::Member(key.to_owned())],
                None => steps(Field::named(name).ok_or_else(|| unknown(name))?.place()),
            },
            _ => Vec::new(),
        };
        Ok(Self { name: name.to_owned(), place, path })
    }
}

/// The way to the place of a field.
fn steps(place: &str) -> Vec<Step> {
    let step = |member: &str| match member {
        "*" => Step::Each,
        member => Step::Member(member.to_owned()),
    };
    place.split('/').skip(1).map(step).collect()
}

fn unknown(name: &str) -> ColumnError {
    let all = FIELDS.iter().copied().chain(OTHERS.iter().map(|(other, _)| *other));
    let nearest = all.min_by_key(|known| strsim::levenshtein(known, name));
    let hint = match nearest.filter(|known| strsim::levenshtein(known, name) <= 2) {
        Some(nearest) => format!(", did you mean `{nearest}`?"),
        None => {
            ": use a field of the search language, or a JSON pointer, as `/metadata/key`".to_owned()
        }
    };
    ColumnError { name: name.to_owned(), hint }
}
