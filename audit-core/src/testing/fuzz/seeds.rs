//! What parsers take, to begin with. Always the same.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::DateTime;
use ed25519_dalek::SigningKey;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::merkle::{Tile, TileId, Tiles, inclusion_proof, leaf_hash};
use crate::note::{
    AddCheckpoint, Checkpoint, Policy, Proof, Revoked, SignedNote, SignerKey, VerifierKey,
};

/// Events of all kinds, to the byte.
pub(super) const GOLDEN: &str = include_str!("../../../testdata/event-v1.json");

/// Two keys of a log, and one of a witness. Made once, as all that follows: a fuzzer asks for it very often.
pub(super) static SECRETS: LazyLock<[SignerKey; 3]> = LazyLock::new(|| {
    let log = "a.example/audit/standard";
    [(log, 1, 1), (log, 1, 2), ("w.example", 4, 3)].map(|(name, kind, seed)| key(name, kind, seed))
});

pub(super) static TRUSTED: LazyLock<Vec<VerifierKey>> =
    LazyLock::new(|| SECRETS.iter().map(|key| key.public().clone()).collect());

/// All that was ever signed by these keys.
pub(super) static NOTES: LazyLock<[SignedNote; 2]> =
    LazyLock::new(|| [signed(&tree().0.to_string()), signed("a text\n\nof two parts\n")]);

pub(super) static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let [log, next, witness] = SECRETS.each_ref().map(|key| key.public().clone());
    Policy::of_logs([log, next]).with_witness(witness)
});

/// What a witness was asked for, and its key.
pub(super) static ASKED: LazyLock<(AddCheckpoint, VerifierKey)> = LazyLock::new(|| {
    let (_, proof) = tree();
    let asked = AddCheckpoint { old: 3, proof: proof.hashes, checkpoint: proof.checkpoint };
    (asked, SECRETS[2].public().clone())
});

/// What queries are held against.
pub(super) static EVENT: LazyLock<Value> = LazyLock::new(|| {
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    golden
        .iter()
        .filter_map(|event| serde_json::from_str(event["canon"].as_str()?).ok())
        .next_back()
        .unwrap()
});

/// In its text, as no other way leads to a key that is always the same.
fn key(name: &str, kind: u8, seed: u8) -> SignerKey {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let public = [&[kind], secret.verifying_key().as_bytes().as_slice()].concat();
    let id = Sha256::digest([name.as_bytes(), b"\n", &public].concat());
    let secret = STANDARD.encode([&[kind], [seed; 32].as_slice()].concat());
    format!("PRIVATE+KEY+{name}+{}+{secret}", hex::encode(&id[..4])).parse().unwrap()
}

/// A checkpoint of five leaves, and a proof of the second one.
fn tree() -> (Checkpoint, Proof) {
    let leaves: Vec<_> = (0..5_u8).map(|number| leaf_hash(&[number])).collect();
    let tile = Tile::new(leaves).unwrap();
    let (origin, root) = (SECRETS[0].public().name().to_owned(), tile.root());
    let checkpoint = Checkpoint { origin, size: 5, root, extensions: Vec::new() };
    let mut tiles = Tiles::new();
    tiles.insert(TileId { level: 0, index: 0 }, tile);
    let hashes = inclusion_proof(&tiles, 1, 5).unwrap();
    let note = signed(&checkpoint.to_string());
    (checkpoint, Proof { extra: Some(b"more".to_vec()), index: 1, hashes, checkpoint: note })
}

pub(super) fn signed(text: &str) -> SignedNote {
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let note = SignedNote::new(text).unwrap();
    SECRETS.iter().fold(note, |note, key| note.signed(key, at))
}

pub(super) fn notes() -> Vec<Vec<u8>> {
    NOTES.iter().map(|note| note.to_string().into_bytes()).collect()
}

pub(super) fn checkpoints() -> Vec<Vec<u8>> {
    let checkpoint = tree().0;
    let extended = Checkpoint { extensions: vec!["more".to_owned()], ..checkpoint.clone() };
    [checkpoint, extended].iter().map(|text| text.to_string().into_bytes()).collect()
}

pub(super) fn proofs() -> Vec<Vec<u8>> {
    let proof = tree().1;
    let plain = Proof { extra: None, ..proof.clone() };
    [proof, plain].iter().map(|proof| proof.to_string().into_bytes()).collect()
}

pub(super) fn policies() -> Vec<Vec<u8>> {
    let [log, next, witness] = SECRETS.each_ref().map(|key| key.public().to_string());
    let large = format!(
        "# whom we trust\n\nlog {log} https://log.example/\nlog\t{next}\n witness W {witness} https://w.example/ \n\
         group G 1 W\ngroup H any G\nquorum H\n"
    );
    vec![POLICY.to_string().into_bytes(), large.into_bytes()]
}

pub(super) fn revoked() -> Vec<Vec<u8>> {
    let [log, next, _] = SECRETS.each_ref().map(|key| key.public().clone());
    let revoked = Revoked::default().with(log, 4).with(next, 1 << 60);
    vec![format!("# gone\n{revoked}").into_bytes()]
}

pub(super) fn keys() -> Vec<Vec<u8>> {
    let public = TRUSTED.iter().map(|key| key.to_string().into_bytes()).collect();
    let secret = SECRETS.each_ref().map(SignerKey::to_secret_text);
    let file = vec![secret.join("\n").into_bytes()];
    [public, secret.map(String::into_bytes).to_vec(), file].concat()
}

pub(super) fn witness() -> Vec<Vec<u8>> {
    let (asked, _) = &*ASKED;
    let line = asked.checkpoint.signatures().last().unwrap().to_string();
    let answers = [format!("\0\u{c8}{line}\n"), "\u{1}\u{99}5\n".to_owned()];
    let answers =
        answers.map(|text| text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect());
    [vec![asked.to_string().into_bytes()], answers.to_vec()].concat()
}

pub(super) fn events() -> Vec<Vec<u8>> {
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    let row = |event: &Value| {
        let canon = event["canon"].as_str().unwrap().as_bytes().to_vec();
        let openings = event["openings"].as_str().map(|text| [b"\xff", text.as_bytes()].concat());
        [canon, openings.unwrap_or_default()].concat()
    };
    golden.iter().map(row).collect()
}

pub(super) fn queries() -> Vec<Vec<u8>> {
    let queries = [
        r#"actor:alice action:invoice.*,user.login -outcome:success ip:10.0.0.0/8,::1 after:2026-01-01 "free text""#,
        r#"status:400..499 duration_us:..9 label."a key":"x\"y" parent.account:7 before:7d -tag:late log:a.example/audit"#,
    ];
    queries.map(|text| text.as_bytes().to_vec()).into()
}

pub(super) fn cursors() -> Vec<Vec<u8>> {
    let text = |text| URL_SAFE_NO_PAD.encode(text).into_bytes();
    vec![text("1f;5:7,-3:18446744073709551615"), text("0;")]
}

pub(super) fn columns() -> Vec<Vec<u8>> {
    vec![b"log,index, actor,label.a b,occurred_at,/metadata/a~1b~0/0,ip,leaf_hash".to_vec()]
}
