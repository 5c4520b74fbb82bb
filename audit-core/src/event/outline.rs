//! Parts of an event, read from its bytes without copying them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text, borrowed where nothing in it is escaped.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// A value as far as it is of use to those who look for texts.
#[derive(Debug)]
pub(crate) enum Outline<'a> {
    Text(Text<'a>),
    Number(u64),
    Array(Vec<Self>),
    Object(Vec<(Text<'a>, Self)>),
    Other,
}

impl<'a> Outline<'a> {
    /// Those members of an event that are named: to read all would take several times as long. Without any where the bytes are no object.
    pub(crate) fn of(canon: &'a [u8], names: &[impl AsRef<str>]) -> Self {
        let mut text =
            serde_json::Deserializer::from_str(str::from_utf8(canon).unwrap_or_default());
        let members = text.deserialize_map(Members(names));
        Self::Object(members.and_then(|members| text.end().map(|()| members)).unwrap_or_default())
    }

    /// A member; of several with one name the last one, as everywhere.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().rfind(|(of, _)| of.0 == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// What a JSON pointer points at (RFC 6901).
    pub(crate) fn at(&self, pointer: &str) -> Option<&Self> {
        let Some(rest) = pointer.strip_prefix('/') else {
            return pointer.is_empty().then_some(self);
        };
        rest.split('/').try_fold(self, |at, name| match at {
            Self::Array(items) => {
                let is_plain = name == "0" || !name.starts_with(['0', '+']);
                name.parse::<usize>().ok().filter(|_| is_plain).and_then(|item| items.get(item))
            }
            at => at.get(&unescaped(name)),
        })
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The texts in an array.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let items = if let Self::Array(items) = self { items.as_slice() } else { &[] };
        items.iter().filter_map(Self::as_str)
    }
}

/// A name as it stands in a pointer, without the escapes of that.
pub(crate) fn unescaped(name: &str) -> Cow<'_, str> {
    match name.contains('~') {
        true => name.replace("~1", "/").replace("~0", "~").into(),
        false => name.into(),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(text.to_owned().into()))
            }
        }
        text.deserialize_str(Any)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Outline<'a> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Outline<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Outline::Text(Text(text.into())))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Outline::Text(Text(text.to_owned().into())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Outline::Number(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Outline::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Outline::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Outline::Other)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Outline::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = all.next_element()? {
                    items.push(item);
                }
                Ok(Outline::Array(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = all.next_entry()? {
                    members.push(member);
                }
                Ok(Outline::Object(members))
            }
        }
        value.deserialize_any(Any)
    }
}

/// The members of these names.
struct Members<'n, N>(&'n [N]);

impl<'de, N: AsRef<str>> Visitor<'de> for Members<'_, N> {
    type Value = Vec<(Text<'de>, Outline<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(self.0.len());
        while let Some(name) = all.next_key::<Text<'de>>()? {
            match self.0.iter().any(|of| of.as_ref() == name.0) {
                true => members.push((name, all.next_value()?)),
                false => drop(all.next_value::<IgnoredAny>()?),
            }
        }
        Ok(members)
    }
}
