//! A log that is honest at first, who signs it, and who attacks it.

use std::time::Duration;

use audit_core::event::EncodedEvent;
use audit_core::merkle::{Frontier, Hash, Tile, completed, leaf_hash};
use audit_core::note::{Checkpoint, KeyKind, Policy, SignedNote, SignerKey};
use audit_core::store::{Leaf, LogId, Reader, SignedCheckpoint, Store};
use audit_core::verify::{Report, Verification};
use audit_core::{Actor, Event, Recorder};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::database::{Connection, Database, execute, numbers, texts};
use super::{DAY, LOG_TABLES, blob, index_again, keys_off, put_back, table, triggers_off, uuid};
use crate::table::Outside;

const ORIGIN: &str = "test.example/audit/standard";
const AUDIT: &str = "test.example/audit/audit";

pub(super) struct Attacker {
    _database: Database,
    connection: Connection,
    reader: Reader,
    store: Box<dyn Store>,
    policy: Policy,
    log_key: SignerKey,
    audit_key: SignerKey,
    witness: SignerKey,
    /// What was signed of 300 entries, and of all.
    signed: [Checkpoint; 2],
    /// What was signed of the log in which the recorder speaks of itself.
    signed_audit: Checkpoint,
    now: DateTime<Utc>,
}

impl Attacker {
    /// Nothing where there is no database of this kind.
    pub(super) async fn new() -> Option<Self> {
        let database = Database::new().await?;
        let store = database.store().await;
        let log_key = SignerKey::generate(ORIGIN, KeyKind::Ed25519).unwrap();
        let audit_key = SignerKey::generate(AUDIT, KeyKind::Ed25519).unwrap();
        let witness = SignerKey::generate("witness.example", KeyKind::Cosignature).unwrap();
        let policy = format!(
            "log {}\nlog {}\nwitness w {}\nquorum w\n",
            log_key.public(),
            audit_key.public(),
            witness.public()
        );
        let recorder = Recorder::builder(store.clone()).origin("test.example/audit");
        let recorder = recorder.start().await.unwrap();
        let mut signed = Vec::new();
        for (from, to) in [(0, 300), (300, 700)] {
            for number in from..to {
                let event = Event::builder("invoice.pay").resource("invoice", number.to_string());
                let event = event.actor(Actor::user("u-1").name("Alice Adams"));
                recorder.record(event).await;
            }
            let head = async {
                loop {
                    let head = store.head(LogId::of(ORIGIN)).await;
                    if let Ok(head) = head.map(|head| head.frontier)
                        && head.size() == to
                    {
                        return head;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let head = tokio::time::timeout(Duration::from_secs(30), head).await.unwrap();
            let (origin, root) = (ORIGIN.to_owned(), head.root());
            signed.push(Checkpoint { origin, size: to, root, extensions: Vec::new() });
        }
        recorder.shutdown(Duration::from_secs(30)).await.unwrap();
        let signed_audit = head_of(&store, AUDIT).await;
        let mut connection = database.connect().await;
        let times = "SELECT CAST(recorded_at AS text) FROM {entry} LIMIT 1";
        assert_eq!(
            texts(&mut connection, &times.replace("{entry}", &table("entry"))).await.len(),
            1
        );
        triggers_off(&mut connection).await;
        let mut attacker = Self {
            _database: database,
            connection,
            reader: Reader::new(store.clone()),
            store: Box::new(store),
            policy: policy.parse().unwrap(),
            log_key,
            audit_key,
            witness,
            signed: signed.try_into().unwrap(),
            signed_audit,
            now: Event::builder("now").build().unwrap().occurred_at(),
        };
        for checkpoint in attacker.signed.clone() {
            let note = attacker.note(&checkpoint, &attacker.log_key, 0).to_string();
            let (size, root, signed_at) = (checkpoint.size, checkpoint.root, attacker.now);
            let kept = SignedCheckpoint { size, root, note, signed_at };
            attacker.store.keep_checkpoint(LogId::of(ORIGIN), &kept).await.unwrap();
        }
        for name in LOG_TABLES {
            let sql = format!("CREATE TABLE saved_{name} AS SELECT * FROM {}", table(name));
            execute(&mut attacker.connection, &sql).await.unwrap();
        }
        Some(attacker)
    }

    /// A checkpoint that a key has signed, and that the witness saw so many days ago.
    fn note(&self, checkpoint: &Checkpoint, key: &SignerKey, days: u64) -> SignedNote {
        let note = SignedNote::new(checkpoint.to_string()).unwrap().signed(key, self.now);
        note.signed(&self.witness, self.now - Duration::from_secs(days * 86_400))
    }

    /// What a verifier finds who has this from outside, as the kinds and places.
    pub(super) async fn report(&self, outside: Outside) -> Report {
        let mut verification = Verification::of(&self.reader);
        if outside == Outside::Nothing {
            return verification.run().await.unwrap();
        }
        let [early, late] = &self.signed;
        let other = Checkpoint { root: leaf_hash(b"another history"), ..early.clone() };
        let stranger = SignerKey::generate(ORIGIN, KeyKind::Ed25519).unwrap();
        let elsewhere = SignerKey::generate("other.example/log", KeyKind::Ed25519).unwrap();
        let foreign = Checkpoint { origin: "other.example/log".to_owned(), ..early.clone() };
        let own = |checkpoint, days| self.note(checkpoint, &self.log_key, days);
        let mut notes = match outside {
            Outside::Nothing => vec![],
            Outside::Early => vec![own(early, 0)],
            Outside::Old => vec![own(early, 2), own(late, 2)],
            Outside::Whole => vec![own(early, 0), own(late, 0)],
            Outside::Equivocal => vec![own(early, 0), own(late, 0), own(&other, 0)],
            Outside::Strange => vec![own(late, 0), self.note(early, &stranger, 0)],
            Outside::Foreign => vec![own(late, 0), self.note(&foreign, &elsewhere, 0)],
        };
        notes.push(self.note(&self.signed_audit, &self.audit_key, 0));
        verification = verification.policy(self.policy.clone());
        verification = verification.unsealed_after(Duration::ZERO);
        if outside == Outside::Old {
            verification = verification.stale_after(Duration::from_secs(86_400));
        }
        for note in notes {
            verification = verification.checkpoint(note, "outside");
        }
        verification.run().await.unwrap()
    }

    /// SQL, or a word of the attacker's tool.
    pub(super) async fn step(&mut self, step: &str) {
        let (log, audit) = (LogId::of(ORIGIN), LogId::of(AUDIT));
        let mut sql = step.to_owned();
        for name in LOG_TABLES {
            sql = sql.replace(&format!("{{{name}}}"), &table(name));
        }
        for (name, text) in [
            ("{id}", log.0.to_string()),
            ("{audit}", audit.0.to_string()),
            ("{day}", DAY.to_owned()),
            ("{uuid}", uuid([7; 16])),
            ("{hash}", blob(leaf_hash(b"other").as_bytes())),
            ("{tile_of_zeros}", blob(&[0; 8_192])),
        ] {
            sql = sql.replace(name, &text);
        }
        match sql.split_once(' ') {
            Some(("rehash", index)) => self.rehash(log, index.parse().unwrap()).await,
            Some(("rebuild", id)) => self.rebuild(LogId(id.parse().unwrap())).await,
            Some(("say", said)) => self.say(audit, said).await,
            Some(("elsewhere", said)) => {
                let log = self.store.open_log("test.example/audit", "audit").await.unwrap();
                self.say(log, said).await;
            }
            Some(("sign", _)) => self.keep(AUDIT, &self.audit_key).await,
            Some(("keys", _)) => keys_off(&mut self.connection).await,
            _ => self.execute(&sql).await,
        }
    }

    /// Signs all of a log, and keeps that in the database.
    async fn keep(&self, origin: &str, key: &SignerKey) {
        let checkpoint = head_of(&*self.store, origin).await;
        let note = self.note(&checkpoint, key, 0).to_string();
        let (size, root, signed_at) = (checkpoint.size, checkpoint.root, self.now);
        let kept = SignedCheckpoint { size, root, note, signed_at };
        self.store.keep_checkpoint(LogId::of(origin), &kept).await.unwrap();
    }

    async fn execute(&mut self, sql: &str) {
        let done = execute(&mut self.connection, sql).await;
        assert!(
            done.as_ref().is_ok_and(|rows| *rows > 0 || !sql.starts_with("UPDATE")),
            "{sql}: {done:?}"
        );
    }

    async fn rehash(&mut self, log: LogId, index: u64) {
        let entry = table("entry");
        let place = format!("log_id = {} AND idx = {index}", log.0);
        let canon = format!("SELECT canon FROM {entry} WHERE {place}");
        let canon = texts(&mut self.connection, &canon).await.remove(0);
        let leaf = blob(leaf_hash(canon.as_bytes()).as_bytes());
        self.execute(&format!("UPDATE {entry} SET leaf = {leaf} WHERE {place}")).await;
    }

    /// What the log would be, had it always been these rows.
    async fn rebuild(&mut self, log: LogId) {
        let (entry, of_log) = (table("entry"), format!("log_id = {}", log.0));
        let rows = format!("FROM {entry} WHERE {of_log} ORDER BY idx");
        let indices = numbers(&mut self.connection, &format!("SELECT idx {rows}")).await;
        let canons = texts(&mut self.connection, &format!("SELECT canon {rows}")).await;
        assert!(
            indices.iter().zip(0..).all(|(index, place)| *index == place),
            "one behind the other"
        );
        let mut tree = Frontier::new();
        let leaves: Vec<_> = canons.iter().map(|canon| leaf_hash(canon.as_bytes())).collect();
        for (leaf, index) in leaves.iter().zip(0_u64..) {
            tree.push(*leaf).unwrap();
            let (hash, place) = (blob(leaf.as_bytes()), format!("{of_log} AND idx = {index}"));
            let sql = format!("UPDATE {entry} SET leaf = {hash} WHERE {place} AND leaf <> {hash}");
            execute(&mut self.connection, &sql).await.unwrap();
        }
        for id in completed(0, tree.size()).filter(|id| id.level == 0) {
            let first = usize::try_from(id.index * 256).unwrap();
            let made = Tile::new(leaves[first..first + 256].to_vec()).unwrap();
            let (data, root) = (blob(&made.to_bytes()), blob(made.root().as_bytes()));
            let sql = format!(
                "UPDATE {} SET data = {data}, root = {root} WHERE {of_log} AND level = 0 AND n = {}",
                table("tile"),
                id.index
            );
            self.execute(&sql).await;
        }
        let bounds = format!(
            "UPDATE {} SET earliest = (SELECT min(occurred_at) FROM {entry} WHERE {of_log}), \
             latest = (SELECT max(occurred_at) FROM {entry} WHERE {of_log}) WHERE {of_log}",
            table("segment")
        );
        self.execute(&bounds).await;
        let (root, frontier): (Hash, _) = (tree.root(), tree.to_bytes());
        let (root, frontier) = (blob(root.as_bytes()), blob(&frontier));
        let size = tree.size();
        let sql = format!(
            "UPDATE {} SET size = {size}, root = {root}, frontier = {frontier}, recorded_at = \
             (SELECT max(recorded_at) FROM {entry} WHERE {of_log}) WHERE {of_log}",
            table("log")
        );
        self.execute(&sql).await;
        index_again(&mut self.connection, log).await;
    }

    /// Appends an entry with this action and metadata.
    async fn say(&mut self, log: LogId, said: &str) {
        let (action, metadata) = said.split_once(' ').unwrap();
        let (id, boot) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let canon = format!(
            r#"{{"action":"{action}","id":"{id}","metadata":{metadata},"nonce":"AAAAAAAAAAAAAAAAAAAAAA","occurred_at":"2026-01-01T00:00:00.000000Z","producer":{{"boot":"{boot}","id":"retention"}},"stage":"complete","v":1}}"#
        );
        let event = EncodedEvent { id, class: "audit".to_owned(), canon, openings: None };
        self.store.append(log, &[Leaf::new(event).unwrap()], self.now).await.unwrap();
    }

    /// Makes all tables what they were.
    pub(super) async fn put_back(&mut self) {
        for name in LOG_TABLES {
            let (to, from) = (table(name), format!("saved_{name}"));
            for sql in [format!("DELETE FROM {to}"), put_back(&to, &from)] {
                execute(&mut self.connection, &sql).await.unwrap();
            }
        }
    }
}

async fn head_of(store: &dyn Store, origin: &str) -> Checkpoint {
    let head = store.head(LogId::of(origin)).await.unwrap();
    let (origin, size, root) = (origin.to_owned(), head.frontier.size(), head.root);
    Checkpoint { origin, size, root, extensions: Vec::new() }
}
