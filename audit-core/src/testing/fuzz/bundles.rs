//! Bundles and disclosures of a small log, to begin with. Always the same.

use std::sync::LazyLock;

use chrono::DateTime;
use serde_json::Value;
use tokio::runtime::Builder;
use uuid::Uuid;

use super::seeds::{GOLDEN, POLICY, SECRETS, signed};
use crate::bundle::{Part, write};
use crate::event::EncodedEvent;
use crate::note::{Checkpoint, SignedNote};
use crate::prove::{Disclosure, disclose};
use crate::store::{Leaf, LogId, MemoryStore, Reader, Store as _};

/// A log of the first event of all kinds that tells of somebody, and a checkpoint of it.
pub(super) struct Small {
    reader: Reader,
    pub(super) note: SignedNote,
}

pub(super) static LOG: LazyLock<Small> = LazyLock::new(|| run(small()));

/// What the disclosures show.
pub(super) static SHOWN: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let shown = |text: &Vec<u8>| -> Value {
        let disclosure: Disclosure = std::str::from_utf8(text).unwrap().parse().unwrap();
        disclosure.verify(&POLICY).unwrap().event
    };
    disclosures().iter().map(shown).collect()
});

fn run<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn small() -> Small {
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    let leaf = |event: &Value| {
        let canon = event["canon"].as_str()?.to_owned();
        let openings = Some(event["openings"].as_str()?.to_owned());
        let said: Value = serde_json::from_str(&canon).ok()?;
        let id: Uuid = said["id"].as_str()?.parse().ok()?;
        let class = said["retention"].as_str().unwrap_or("standard").to_owned();
        Leaf::new(EncodedEvent { id, class, canon, openings }).ok()
    };
    let leaves: Vec<_> = golden.iter().filter_map(leaf).take(1).collect();
    assert!(!leaves.is_empty(), "no event that tells of somebody");
    let (store, origin) = (MemoryStore::new(), SECRETS[0].public().name());
    let log = store.open_log(origin, "standard").await.unwrap();
    store.append(log, &leaves, DateTime::UNIX_EPOCH).await.unwrap();
    let head = store.head(LogId::of(origin)).await.unwrap();
    let (origin, size, root) = (origin.to_owned(), head.frontier.size(), head.root);
    let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
    Small { reader: Reader::new(store), note: signed(&checkpoint.to_string()) }
}

pub(super) fn bundles() -> Vec<Vec<u8>> {
    let bundle = |disclose| {
        let part = Part { checkpoint: LOG.note.clone(), entries: None };
        let mut bundle = Vec::new();
        run(write(&LOG.reader, &POLICY, &[part], disclose, &mut bundle)).unwrap();
        bundle
    };
    vec![bundle(true), bundle(false)]
}

pub(super) fn disclosures() -> Vec<Vec<u8>> {
    let pointers = ["/actor/name", "/request/ip", "/message", "/error/message"];
    let disclosed = pointers.map(|pointer| run(disclose(&LOG.reader, &LOG.note, 0, pointer)));
    let texts = disclosed.into_iter().flatten().map(|disclosure| disclosure.to_string());
    texts.map(String::into_bytes).collect()
}
