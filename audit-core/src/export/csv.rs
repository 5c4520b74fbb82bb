//! A row for each entry.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::SecondsFormat;

use super::Trailer;
use super::column::{Column, Place};
use super::gather::Paths;
use super::parts;
use crate::store::Entry;

/// What a spreadsheet may take for the beginning of a formula, also in its full width; and what says that it is none.
const FORMULA: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\''];

/// At what a cell may end, depending on where in the world it is read.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];

/// The columns, and where in an event to look for what stands in them.
#[derive(Debug)]
pub(super) struct Sheet {
    columns: Vec<Column>,
    /// To all that is in the event; and without what is always personal.
    paths: Paths,
    impersonal: Paths,
    has_payloads: bool,
    /// What stands in the columns of a row, those that are in the event.
    cells: Vec<String>,
}

impl Sheet {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        let (mut paths, mut impersonal) = (Paths::default(), Paths::default());
        let of_event = columns.iter().enumerate().filter(|(_, it)| it.place == Place::Event);
        for (cell, column) in of_event {
            paths.add(&column.path, cell);
            if !column.is_personal() {
                impersonal.add(&column.path, cell);
            }
        }
        let has_payloads = columns.iter().any(Column::is_payload);
        Self { paths, impersonal, has_payloads, cells: vec![String::new(); columns.len()], columns }
    }

    pub(super) fn head(&self, out: &mut Vec<u8>) {
        line(out, self.columns.iter().map(Column::to_string));
    }

    pub(super) fn row(&mut self, out: &mut Vec<u8>, entry: &Entry, is_personal: bool) {
        self.cells.iter_mut().for_each(String::clear);
        if is_personal || self.has_payloads {
            let event = parts::event(entry, is_personal);
            self.paths.gather(&event, &mut self.cells);
        } else {
            // Nothing of it is copied but what stands in the row.
            let text = str::from_utf8(entry.canonical()).unwrap_or_default();
            let mut event = serde_json::Deserializer::from_str(text);
            self.impersonal.gather(&mut event, &mut self.cells);
        }
        for (column, it) in self.columns.iter().zip(&mut self.cells) {
            // A text takes all.
            let _ = match column.place {
                Place::Event => continue,
                Place::Log => it.write_str(&entry.log),
                Place::Index => write!(it, "{}", entry.index),
                Place::LeafHash => write!(it, "{}", entry.leaf_hash),
                Place::RecordedAt => {
                    it.write_str(&entry.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true))
                }
            };
        }
        line(out, &self.cells);
    }

    /// As many cells as a row has, as those who read it may count them.
    pub(super) fn trailer(&self, out: &mut Vec<u8>, trailer: &Trailer) {
        let Trailer { entries, left_out, sha256, next } = trailer;
        let told = format!("# entries={entries} left_out={left_out} sha256={sha256} next={next}");
        let rest = self.columns.iter().skip(1).map(|_| String::new());
        line(out, std::iter::once(told).chain(rest));
    }
}

pub(super) fn line(out: &mut Vec<u8>, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    for (number, text) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        cell(out, text.as_ref());
    }
    out.extend_from_slice(b"\r\n");
}

fn cell(out: &mut Vec<u8>, text: &str) {
    // In one pass: there are many cells, and in most of them nothing of the sort.
    let (mut is_quoted, mut has_end) = (false, false);
    for byte in text.bytes() {
        is_quoted |= matches!(byte, b',' | b'"' | b'\r' | b'\n');
        has_end |= ENDS.contains(&char::from(byte));
    }
    let text: Cow<'_, str> = match has_end || text.starts_with(FORMULA) {
        true => marked(text).into(),
        false => text.into(),
    };
    if !is_quoted {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

/// A text in which no formula begins, also where a spreadsheet ends a cell at a semicolon, a tab or a line's end, as it may not hear of
/// our quotes then, or takes one of the text's for its own.
fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + 8);
    let mut begins = true;
    for (at, sign) in text.char_indices() {
        let behind_quotes = || text.get(at..).unwrap_or_default().trim_start_matches('"');
        let is_one = || match sign {
            '"' => at > 0 && behind_quotes().starts_with(FORMULA),
            // Whatever is behind it is looked at by itself.
            end if ENDS.contains(&end) => at == 0 && FORMULA.contains(&end),
            sign => FORMULA.contains(&sign),
        };
        if begins && is_one() {
            marked.push('\'');
        }
        marked.push(sign);
        begins = ENDS.contains(&sign);
    }
    marked
}
