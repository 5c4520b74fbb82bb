//! Values at many places of an event, found in one pass over its bytes.

use std::fmt::{self, Write as _};

use serde::Deserialize as _;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::column::Step;
use crate::event::Text;

/// What is looked for from a place on: a tree, so that what no path leads to is passed over.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// The cells that get what stands here.
    cells: Vec<usize>,
    members: Vec<(String, Paths)>,
    each: Option<Box<Paths>>,
}

impl Paths {
    pub(super) fn add(&mut self, path: &[Step], cell: usize) {
        match path.split_first() {
            None => self.cells.push(cell),
            Some((Step::Each, rest)) => self.each.get_or_insert_default().add(rest, cell),
            Some((Step::Member(name), rest)) => {
                let mut there = self.members.iter_mut();
                match there.find(|(member, _)| member == name) {
                    Some((_, paths)) => paths.add(rest, cell),
                    None => {
                        let mut paths = Self::default();
                        paths.add(rest, cell);
                        self.members.push((name.clone(), paths));
                    }
                }
            }
        }
    }

    /// Puts what is found into cells; several values into one with `;` between. What cannot be read has none.
    pub(super) fn gather<'de>(&self, event: impl Deserializer<'de>, cells: &mut [String]) {
        // What was found before an error stands.
        let _ = Gather { paths: self, cells }.deserialize(event);
    }

    fn member(&self, name: &str) -> Option<&Self> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, paths)| paths)
    }

    fn item(&self, index: usize) -> Option<&Self> {
        match &self.each {
            Some(each) => Some(each),
            // Most lists are looked into nowhere.
            None if self.members.is_empty() => None,
            None => self.member(&index.to_string()),
        }
    }
}

struct Gather<'a> {
    paths: &'a Paths,
    cells: &'a mut [String],
}

impl Gather<'_> {
    fn put<E>(self, value: impl fmt::Display) -> Result<(), E> {
        for cell in &self.paths.cells {
            if let Some(cell) = self.cells.get_mut(*cell) {
                if !cell.is_empty() {
                    cell.push(';');
                }
                // A text takes all.
                let _ = write!(cell, "{value}");
            }
        }
        Ok(())
    }

    /// What is wanted as a whole, and perhaps in parts.
    fn put_whole<E: Error>(self, value: &Value) -> Result<(), E> {
        let Self { paths, cells } = self;
        Gather { paths, cells: &mut *cells }.put::<E>(value)?;
        let mut part = |paths: Option<&Paths>, part: &Value| {
            if let Some(paths) = paths {
                paths.gather(part, cells);
            }
        };
        match value {
            Value::Object(all) => all.iter().for_each(|(name, it)| part(paths.member(name), it)),
            Value::Array(all) => {
                all.iter().enumerate().for_each(|(index, it)| part(paths.item(index), it));
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Gather<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Gather<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(text)
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.put(number)
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.put(number)
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.put(number)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.put(flag)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        if !self.paths.cells.is_empty() {
            return self.put_whole(&Value::deserialize(MapAccessDeserializer::new(all))?);
        }
        while let Some(name) = all.next_key::<Text<'de>>()? {
            match self.paths.member(&name.0) {
                Some(paths) => all.next_value_seed(Gather { paths, cells: self.cells })?,
                None => drop(all.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        if !self.paths.cells.is_empty() {
            return self.put_whole(&Value::deserialize(SeqAccessDeserializer::new(all))?);
        }
        for index in 0.. {
            let there = match self.paths.item(index) {
                Some(paths) => all.next_element_seed(Gather { paths, cells: self.cells })?,
                None => all.next_element::<IgnoredAny>()?.map(drop),
            };
            if there.is_none() {
                break;
            }
        }
        Ok(())
    }
}
