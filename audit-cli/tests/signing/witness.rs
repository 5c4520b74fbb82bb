//! A witness, as c2sp.org/tlog-witness says, over a real socket; and some that are none.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use audit_core::merkle::{Hash, verify_consistency};
use audit_core::note::{
    AddCheckpoint, Checkpoint, KeyKind, NoteError, SignedNote, SignerKey, VerifierKey,
};
use chrono::DateTime;

/// How it answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Manner {
    /// As it should.
    Honest,
    /// With this status and body.
    Says(u16, Vec<u8>),
    /// As if it had seen one entry more, whatever it is asked.
    Wanders,
    /// By another key than its own.
    Forges,
    /// Not at all.
    Silent,
    /// Not at all where it is asked of this log.
    SilentOf(String),
    /// A byte a while.
    Drips,
}

pub(crate) struct Witness {
    pub(crate) key: SignerKey,
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    manner: Manner,
    /// By which it signs as well.
    second: Option<SignerKey>,
    /// The logs that it knows.
    logs: Vec<VerifierKey>,
    /// What it has seen of each.
    seen: BTreeMap<String, (u64, Hash)>,
    /// From which size it was asked about which, and how it answered.
    asked: Vec<(u64, u64, u16)>,
}

impl Witness {
    pub(crate) fn start(name: &str, logs: Vec<VerifierKey>) -> Self {
        let key = SignerKey::generate(name, KeyKind::Cosignature).unwrap();
        let (seen, asked) = (BTreeMap::new(), Vec::new());
        let state = State { manner: Manner::Honest, second: None, logs, seen, asked };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (shared, own) = (Arc::clone(&state), key.clone());
        // It ends with the process of the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, key) = (Arc::clone(&shared), own.clone());
                thread::spawn(move || serve(stream, &state, &key));
            }
        });
        Self { key, address, state }
    }

    /// Its line in a policy.
    pub(crate) fn line(&self) -> String {
        self.line_of(&self.key)
    }

    pub(crate) fn line_of(&self, key: &SignerKey) -> String {
        let key = key.public();
        format!("witness {} {key} http://{}/w/\n", key.name(), self.address)
    }

    pub(crate) fn signs_also_by(&self, key: SignerKey) {
        self.state.lock().unwrap().second = Some(key);
    }

    pub(crate) fn behaves(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    pub(crate) fn knows(&self, logs: Vec<VerifierKey>) {
        self.state.lock().unwrap().logs = logs;
    }

    /// What it was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<(u64, u64, u16)> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, key: &SignerKey) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).unwrap();
    let is_right = line.starts_with("POST /w/add-checkpoint HTTP/1.1");
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if let Some((name, value)) = header.trim().split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if header.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut manner = state.lock().unwrap().manner.clone();
    if let Manner::SilentOf(log) = &manner {
        let is_it = std::str::from_utf8(&body).unwrap().lines().any(|line| line == log);
        manner = if is_it { Manner::Silent } else { Manner::Honest };
    }
    let (status, answer) = match manner {
        _ if !is_right => (405, Vec::new()),
        Manner::Says(status, body) => (status, body),
        Manner::Wanders => {
            let asked: AddCheckpoint = std::str::from_utf8(&body).unwrap().parse().unwrap();
            (409, format!("{}\n", asked.old + 1).into_bytes())
        }
        Manner::Silent | Manner::Drips => {
            state.lock().unwrap().asked.push((0, 0, 0));
            // Until the other side has enough.
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n";
            let mut patience = 1_000;
            while patience > 0 && (manner == Manner::Silent || stream.write_all(head).is_ok()) {
                thread::sleep(Duration::from_millis(100));
                patience -= 1;
            }
            return;
        }
        Manner::Forges => {
            let forger = SignerKey::generate(key.public().name(), KeyKind::Cosignature).unwrap();
            answer(&mut state.lock().unwrap(), &body, &forger)
        }
        Manner::Honest | Manner::SilentOf(_) => answer(&mut state.lock().unwrap(), &body, key),
    };
    let head = format!(
        "HTTP/1.1 {status} Any\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    // Who has enough of it goes away.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer));
}

/// What the specification says, in its order.
fn answer(state: &mut State, body: &[u8], key: &SignerKey) -> (u16, Vec<u8>) {
    let asked: Result<AddCheckpoint, _> = std::str::from_utf8(body).unwrap().parse();
    let Ok(AddCheckpoint { old, proof, checkpoint: note }) = asked else {
        return (400, Vec::new());
    };
    let Ok(Checkpoint { origin, size, root, .. }) = note.text().parse() else {
        return (400, Vec::new());
    };
    let status = state.judge(old, &proof, &note, (&origin, size, root));
    state.asked.push((old, size, status));
    match status {
        200 => {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
            let now = DateTime::from_timestamp(now.try_into().unwrap(), 0).unwrap();
            let note = SignedNote::new(note.text()).unwrap();
            let keys = std::iter::once(key).chain(&state.second);
            let cosigned = keys.fold(note, |note, key| note.signed(key, now));
            state.seen.insert(origin, (size, root));
            let lines = cosigned.signatures().iter().map(|signature| format!("{signature}\n"));
            (200, lines.collect::<String>().into_bytes())
        }
        409 => {
            let seen = state.seen.get(&origin).map_or(0, |(seen, _)| *seen);
            (409, format!("{seen}\n").into_bytes())
        }
        other => (other, Vec::new()),
    }
}

impl State {
    fn judge(
        &self,
        old: u64,
        proof: &[Hash],
        note: &SignedNote,
        (origin, size, root): (&str, u64, Hash),
    ) -> u16 {
        let keys: Vec<_> = self.logs.iter().filter(|key| key.name() == origin).cloned().collect();
        if keys.is_empty() {
            return 404;
        }
        if matches!(note.verified(&keys), Err(NoteError::Unsigned | NoteError::Wrong(_))) {
            return 403;
        }
        if old > size {
            return 400;
        }
        let (seen, before) = self.seen.get(origin).copied().unwrap_or((0, Hash::EMPTY_ROOT));
        let goes_on = match old {
            _ if old != seen => return 409,
            _ if old == size && root != before => return 409,
            0 => proof.is_empty(),
            _ => verify_consistency(old, size, before, root, proof).is_ok(),
        };
        if goes_on { 200 } else { 422 }
    }
}
