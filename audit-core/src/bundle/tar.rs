//! The archive: files one after the other as `tar` has them (POSIX ustar), in one spelling only.
//!
//! Whatever reads tar archives reads these. What is read here must be to the byte what would be written here: so there are no
//! links, no other kinds of members, no second way to write a name or a size, and nothing behind the end.

use std::io::{self, Read, Write};
use std::iter;

use super::BundleError;

const BLOCK: usize = 512;

/// Most bytes of a member.
pub(super) const MAX_MEMBER: u64 = 16 * 1024 * 1024;

/// Longest name.
const MAX_NAME: usize = 100;

/// A file in the archive.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// Writes members.
pub(super) struct Writer<'a>(pub(super) &'a mut (dyn Write + Send));

impl Writer<'_> {
    pub(super) fn member(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let size = u64::try_from(content.len()).ok().filter(|size| *size <= MAX_MEMBER);
        let too_large = || io::Error::other(format!("`{name}` is too large for a bundle"));
        self.0.write_all(&header(name, size.ok_or_else(too_large)?))?;
        self.0.write_all(content)?;
        self.0.write_all(&vec![0; padding(content.len())])
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.0.write_all(&[0; 2 * BLOCK])?;
        self.0.flush()
    }
}

/// Reads members, each as a whole: they are small.
#[derive(Debug)]
pub(super) struct Members<R> {
    input: R,
    next: Option<Member>,
}

impl<R: Read> Members<R> {
    pub(super) fn new(input: R) -> Result<Self, BundleError> {
        let mut members = Self { input, next: None };
        members.next = members.read()?;
        Ok(members)
    }

    /// The next member, which must have this name.
    pub(super) fn expect(&mut self, name: &str) -> Result<Vec<u8>, BundleError> {
        match self.next_if(name)? {
            Some(content) => Ok(content),
            None => Err(match &self.next {
                Some(next) => {
                    BundleError::form(&next.name, format!("stands where `{name}` should"))
                }
                None => BundleError::form(name, "is missing"),
            }),
        }
    }

    /// The next member, if it has this name.
    pub(super) fn next_if(&mut self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        match self.next.take_if(|next| next.name == name) {
            Some(member) => {
                self.next = self.read()?;
                Ok(Some(member.content))
            }
            None => Ok(None),
        }
    }

    #[cfg(test)]
    pub(super) fn next_name(&self) -> Option<&str> {
        self.next.as_ref().map(|next| &*next.name)
    }

    /// Makes sure that there is nothing more.
    pub(super) fn finish(self) -> Result<(), BundleError> {
        match self.next {
            Some(next) => Err(BundleError::form(&next.name, "does not belong here")),
            None => Ok(()),
        }
    }

    fn read(&mut self) -> Result<Option<Member>, BundleError> {
        let block = self.bytes(BLOCK)?;
        if block.iter().all(|byte| *byte == 0) {
            let rest = self.bytes(BLOCK)?;
            let is_end = rest.iter().all(|byte| *byte == 0) && self.input.read(&mut [0])? == 0;
            return if is_end {
                Ok(None)
            } else {
                Err(BundleError::archive("there is something behind the end"))
            };
        }
        let Some((name, size)) =
            name_and_size(&block).filter(|(name, size)| header(name, *size) == block)
        else {
            return Err(BundleError::archive("a header is not as bundles have it"));
        };
        let length = usize::try_from(size).ok().filter(|_| size <= MAX_MEMBER);
        let length = length
            .ok_or_else(|| BundleError::form(&name, format!("has more than {MAX_MEMBER} bytes")))?;
        let content = self.bytes(length)?;
        if self.bytes(padding(length))?.iter().any(|byte| *byte != 0) {
            return Err(BundleError::form(&name, "is followed by something"));
        }
        Ok(Some(Member { name, content }))
    }

    /// So many bytes; takes memory only for those that are there.
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(count).unwrap_or(u64::MAX);
        self.input.by_ref().take(limit).read_to_end(&mut bytes)?;
        if bytes.len() == count {
            Ok(bytes)
        } else {
            Err(BundleError::archive("it ends too early"))
        }
    }
}

/// From the end of so many bytes to the end of their block.
const fn padding(length: usize) -> usize {
    length.wrapping_neg() % BLOCK
}

/// The header of a regular file that belongs to nobody and has no time: the same content gives the same archive.
pub(super) fn header(name: &str, size: u64) -> Vec<u8> {
    let with = |checksum: &str| {
        let mut header = Vec::with_capacity(BLOCK);
        let mut field = |text: &str, width: usize| {
            header.extend(text.bytes().chain(iter::repeat(0)).take(width));
        };
        field(name, MAX_NAME);
        field("0000644", 8); // mode
        field("0000000", 8); // user
        field("0000000", 8); // group
        field(&format!("{size:011o}"), 12);
        field("00000000000", 12); // time
        field(checksum, 8);
        field("0", 1); // a regular file
        field("", 100); // target of a link
        field("ustar\u{0}00", 8);
        field("", 32); // user
        field("", 32); // group
        field("0000000", 8); // device
        field("0000000", 8);
        field("", 155); // what stands before the name
        field("", 12);
        header
    };
    let sum: u64 = with("        ").into_iter().map(u64::from).sum();
    with(&format!("{sum:06o}\u{0} "))
}

fn name_and_size(header: &[u8]) -> Option<(String, u64)> {
    let name = header.get(..MAX_NAME)?.split(|byte| *byte == 0).next()?;
    let size = std::str::from_utf8(header.get(124..135)?).ok()?;
    Some((std::str::from_utf8(name).ok()?.to_owned(), u64::from_str_radix(size, 8).ok()?))
}
