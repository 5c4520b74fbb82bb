//! Sessions: which one a request belongs to, without keeping its secret.

use std::borrow::Cow;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::percent_decode;
use sha2::Sha256;

use crate::headers::{Unusable, only};

/// The key under which session ids are hashed: HMAC-SHA256, 32 bytes.
///
/// A session's id is a secret: whoever reads it in a log is logged in. What is recorded is its keyed
/// hash, which is the same for all requests of a session and of no use to anybody else.
///
/// All hosts that should give one session the same hash need the same key file.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("session.key");
/// let key = audit_tower::SessionKey::open(&path)?; // made there, or read from there
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SessionKey {
    mac: Hmac<Sha256>,
}

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionKeyError {
    /// It is neither there nor can be made, or cannot be read.
    #[error("the session key file {path} cannot be read or made")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It does not hold a key.
    #[error(
        "the session key file {path} holds {found} characters that are not a key: it must hold 64 hexadecimal \
         digits (32 bytes); remove it to have a new one made, or copy it from another host"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// Its length, without white space around it.
        found: usize,
    },
}

impl SessionKey {
    /// A key of which somebody else takes care.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        // HMAC fills a key up with zeros to the hash's block of 64 bytes: RFC 2104, section 2.
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        Self { mac: Hmac::new(&block.into()) }
    }

    /// Reads the key from a file of 64 hexadecimal digits, or makes one there, readable by its owner only.
    ///
    /// # Errors
    /// [`SessionKeyError`] where the file can neither be read nor made, or does not hold a key.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SessionKeyError> {
        let path = path.as_ref();
        let io = |source| SessionKeyError::Io { path: path.to_owned(), source };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).map_err(io)?,
            Err(error) => return Err(io(error)),
        };
        let text = text.trim_ascii();
        let mut key = [0; 32];
        match hex::decode_to_slice(text, &mut key) {
            Ok(()) => Ok(Self::new(&key)),
            Err(_) => Err(SessionKeyError::Form { path: path.to_owned(), found: text.len() }),
        }
    }

    /// The keyed hash of a session's id, as 43 characters of base64url.
    fn hash(&self, session: &[u8]) -> String {
        let mac = self.mac.clone().chain_update(session).finalize();
        URL_SAFE_NO_PAD.encode(mac.into_bytes())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

/// Makes a key file. It appears under its name when it is whole: another process that starts at the same
/// moment reads all of it, or makes its own and finds that this one is there.
fn make(path: &Path) -> io::Result<Vec<u8>> {
    let key: [u8; 32] = rand::random();
    let text = hex::encode(key).into_bytes();
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}.new", rand::random::<u64>()));
    let whole = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&whole)?;
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    let named = written.and_then(|()| std::fs::hard_link(&whole, path));
    std::fs::remove_file(&whole)?;
    match named {
        Ok(()) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::read(path),
        Err(error) => Err(error),
    }
}

/// Where a request says which session it belongs to, and the key for that.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) place: SessionPlace,
    pub(crate) key: SessionKey,
}

#[derive(Debug, Clone)]
pub(crate) enum SessionPlace {
    /// By its name, decoded.
    Cookie(Vec<u8>),
    Header(HeaderName),
}

impl SessionPlace {
    /// A cookie, by its name as it stands in headers.
    pub(crate) fn cookie(name: &str) -> Self {
        Self::Cookie(percent_decode(name.as_bytes()).collect())
    }
}

impl Session {
    /// Whether it is a header of its own that says it, and this is that one.
    pub(crate) fn is_in(&self, header: &HeaderName) -> bool {
        matches!(&self.place, SessionPlace::Header(name) if name == header)
    }

    /// The hash of the session that a request belongs to. Where it names two, nobody knows which one the application takes.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Result<Option<String>, Unusable> {
        let session = match &self.place {
            SessionPlace::Cookie(name) => cookie(headers, name)?,
            SessionPlace::Header(name) => only(headers, name)?.map(|value| value.as_bytes().into()),
        };
        Ok(session.filter(|session| !session.is_empty()).map(|session| self.key.hash(&session)))
    }
}

/// The value of a cookie, which may stand there several times, but not with several values. It need not be text, nor need
/// those around it. Names and values are read as those do who read them percent-encoded: otherwise a client could have an
/// application take one cookie for its session, and the log another.
fn cookie<'a>(headers: &'a HeaderMap, name: &[u8]) -> Result<Option<Cow<'a, [u8]>>, Unusable> {
    let lines = headers.get_all(header::COOKIE).into_iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|&byte| byte == b';'));
    let mut found = None;
    for pair in pairs {
        let mut parts = pair.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
        let is_it = parts.next().is_some_and(|part| *Cow::from(percent_decode(part)) == *name);
        let Some(value) = parts.next().filter(|_| is_it) else {
            continue;
        };
        let value = Cow::from(percent_decode(value));
        if found.as_ref().is_some_and(|found| *found != value) {
            return Err(Unusable);
        }
        found = Some(value);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.key");
        let made = SessionKey::open(&path).unwrap();
        let read = SessionKey::open(&path).unwrap();
        assert_eq!(made.hash(b"s"), read.hash(b"s"));
        assert_ne!(made.hash(b"s"), made.hash(b"t"));
        assert_ne!(made.hash(b"s"), SessionKey::new(&[7; 32]).hash(b"s"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn processes_that_start_at_once_have_one_key_and_leave_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.key");
        let hashes: Vec<_> = std::thread::scope(|scope| {
            let starts =
                [(); 16].map(|()| scope.spawn(|| SessionKey::open(&path).unwrap().hash(b"s")));
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_hash_is_hmac_sha256_of_the_session_id() {
        // RFC 4231 has no 32-byte key of zeros; computed with another implementation.
        assert_eq!(
            SessionKey::new(&[0; 32]).hash(b"abc"),
            "_XrbFSwF74Dcz1Ch-kwF1aPsbalVdfwxKufF0JGDY1E"
        );
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_by_name_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.key");
        for wrong in ["", "abc", &"0".repeat(62), &"0".repeat(66), &"x".repeat(64)] {
            std::fs::write(&path, wrong).unwrap();
            let error = SessionKey::open(&path).unwrap_err().to_string();
            assert!(error.contains("session.key") && error.contains("64 hexadecimal"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), wrong);
        }
        let error = SessionKey::open(folder.path()).unwrap_err();
        assert!(matches!(error, SessionKeyError::Io { .. }), "{error}");
    }

    #[test]
    fn a_key_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", SessionKey::new(&[7; 32])), "SessionKey(..)");
    }

    #[test]
    fn a_cookie_is_found_in_any_header_line_and_among_many() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; b=2".parse().unwrap());
        let many: Vec<_> = (0..1000).map(|i| format!("c{i}={i}")).collect();
        headers.append(header::COOKIE, format!("{}; sid=s3", many.join("; ")).parse().unwrap());
        assert_eq!(cookie(&headers, b"sid"), Ok(Some(b"s3"[..].into())));
        assert_eq!(cookie(&headers, b"none"), Ok(None));
        assert_eq!(cookie(&headers, b"s"), Ok(None));
    }

    #[test]
    fn a_cookie_that_has_two_values_has_none() {
        for (line, value) in [
            ("sid=1; sid=1", Ok(Some("1"))),
            ("sid=1; sid=2", Err(Unusable)),
            ("sid=; sid=2", Err(Unusable)),
            ("sid=1;SID=2", Ok(Some("1"))),
            ("x=\u{e4}; sid = a=b ; y", Ok(Some("a=b"))),
            ("sid", Ok(None)),
            ("sid=1; s%69d=2", Err(Unusable)),
            ("s%69d=%52EAL", Ok(Some("REAL"))),
            ("sid=%4; sid=%4", Ok(Some("%4"))),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            let value = value.map(|value: Option<&str>| value.map(|value| value.as_bytes().into()));
            assert_eq!(cookie(&headers, b"sid"), value, "{line}");
        }
    }
}
