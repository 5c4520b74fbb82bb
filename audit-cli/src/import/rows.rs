//! Rows of a file, one after the other.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};

use sha2::{Digest as _, Sha256};

use super::Row;

/// A longer line is none of a log.
const MAX_LINE: u64 = 4 * 1024 * 1024;

/// Why a row, or the head, is none that goes to the file's end.
const OPEN: &str = "it begins a cell with a quote that does not end";

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// An object on each line.
    Json,
    /// RFC 4180, whose first row names the columns.
    Csv,
}

/// The rows of a file, and the SHA-256 of what was read of it.
pub(crate) enum Rows {
    Json { lines: BufReader<Hashed>, line: u64 },
    Csv { head: csv::StringRecord, records: csv::StringRecordsIntoIter<Hashed>, line: u64 },
}

/// A row, or why it is none, and the line on which it begins.
pub(crate) struct ReadRow {
    pub(crate) line: u64,
    pub(crate) row: Result<Row, String>,
}

impl Rows {
    pub(crate) fn of(kind: Kind, file: File) -> io::Result<Self> {
        let (hash, place) = (Sha256::new(), Place::Before);
        let file = Hashed { file, hash, bytes: 0, place, is_over: false };
        match kind {
            Kind::Json => Ok(Self::Json { lines: BufReader::new(file), line: 0 }),
            Kind::Csv => {
                let mut reader = csv::Reader::from_reader(file);
                let head = reader.headers().map_err(io::Error::from)?.clone();
                let mut names = BTreeSet::new();
                // Spreadsheets write columns without a name, which mostly are empty.
                let twice = head.iter().find(|name| !name.is_empty() && !names.insert(*name));
                let wrong = match twice {
                    Some(name) => {
                        Some(format!("two columns are named `{name}`: a row would lose one"))
                    }
                    None => reader.get_ref().ends_in_quotes().then(|| OPEN.to_owned()),
                };
                if let Some(wrong) = wrong {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
                }
                Ok(Self::Csv { head, records: reader.into_records(), line: 1 })
            }
        }
    }

    /// The next row, and nothing at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<ReadRow>> {
        match self {
            Self::Json { lines, line } => loop {
                let mut text = Vec::new();
                if lines.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut text)? == 0 {
                    return Ok(None);
                }
                *line = line.saturating_add(1);
                let is_long = u64::try_from(text.len()).is_ok_and(|read| read > MAX_LINE);
                if is_long && !text.ends_with(b"\n") {
                    lines.skip_until(b'\n')?;
                    let row = Err(format!("it is longer than {MAX_LINE} bytes"));
                    return Ok(Some(ReadRow { line: *line, row }));
                }
                if text.trim_ascii().is_empty() {
                    continue;
                }
                let row = serde_json::from_slice(&text);
                let row =
                    row.map_err(|why| format!("this is no object of JSON on one line: {why}"));
                return Ok(Some(ReadRow { line: *line, row }));
            },
            Self::Csv { head, records, line } => {
                let began = records.reader().position().line();
                let row = match records.next() {
                    None => return Ok(None),
                    // Only a row that nothing ends has come to the file's end.
                    Some(Ok(record)) if records.reader().get_ref().ends_in_quotes() => {
                        *line = record.position().map_or(began, csv::Position::line);
                        Err(OPEN.to_owned())
                    }
                    Some(Ok(record)) => {
                        *line = record.position().map_or(began, csv::Position::line);
                        let cells = head.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
                        match cells.clone().filter(|(name, _)| name.is_empty()).count() {
                            0 | 1 => Ok(cells
                                .map(|(name, cell)| (name.to_owned(), cell.into()))
                                .collect()),
                            _ => Err("two of its cells are in columns without a name".to_owned()),
                        }
                    }
                    Some(Err(why)) => {
                        *line = why.position().map_or(began, csv::Position::line);
                        match why.into_kind() {
                            csv::ErrorKind::Io(why) => return Err(why),
                            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                                Err(format!("it has {len} cells, and the head has {expected_len}"))
                            }
                            _ => Err("it is not UTF-8".to_owned()),
                        }
                    }
                };
                Ok(Some(ReadRow { line: *line, row }))
            }
        }
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> u64 {
        self.file().bytes
    }

    /// The SHA-256 of what was read, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        self.file().hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn file(&self) -> &Hashed {
        match self {
            Self::Json { lines, .. } => lines.get_ref(),
            Self::Csv { records, .. } => records.reader().get_ref(),
        }
    }
}

/// A file that is hashed as it is read.
pub(crate) struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
    place: Place,
    is_over: bool,
}

/// Where in a file of CSV somebody is who has read some of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a cell.
    Before,
    /// In a cell without quotes, or behind one with quotes.
    Bare,
    Quoted,
    /// Behind a quote in a cell with quotes: it ends there, or the quote is one of two.
    Quote,
}

impl Place {
    fn behind(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Before | Self::Quote, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) => Self::Quoted,
            (_, b',' | b'\n' | b'\r') => Self::Before,
            _ => Self::Bare,
        }
    }
}

impl Hashed {
    fn ends_in_quotes(&self) -> bool {
        self.is_over && self.place == Place::Quoted
    }
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        let new = into.get(..read).unwrap_or_default();
        self.hash.update(new);
        let seen = match self.bytes {
            // As the reader of the rows passes it over.
            0 => new.strip_prefix("\u{feff}".as_bytes()).unwrap_or(new),
            _ => new,
        };
        self.place = seen.iter().fold(self.place, |place, byte| place.behind(*byte));
        self.is_over = new.is_empty();
        self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}
