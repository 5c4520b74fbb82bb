//! Notes and a log that were made elsewhere.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::notes::assert_refused_around;
use super::*;
use crate::merkle::{Frontier, Tile, TileId, Tiles, consistency_proof, inclusion_proof, leaf_hash};
use crate::merkle::{verify_consistency, verify_inclusion};

fn vectors() -> Option<PathBuf> {
    std::env::var_os("AUDIT_VECTORS").map(PathBuf::from)
}

#[test]
fn the_vectors_of_signed_notes_are_read_and_written_to_the_byte() {
    let Some(folder) = vectors() else { return };
    let vectors = fs::read_to_string(folder.join("note-vectors.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let text = |pointer: &str| vectors.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let (vkey, skey) = (text("/vkey"), text("/skey"));
    let (public, secret): (VerifierKey, SignerKey) = (vkey.parse().unwrap(), skey.parse().unwrap());
    assert_eq!(secret.public(), &public);
    let note = SignedNote::new(text("/text")).unwrap().signed(&secret, at(0));
    assert_eq!(note.to_string(), text("/signed"));
    let read: SignedNote = text("/signed").parse().unwrap();
    assert_eq!(read.verified(&[text("/other_vkey").parse().unwrap(), public]).unwrap().len(), 1);
    assert_refused_around(&vkey, |text| text.parse::<VerifierKey>().is_err());
    assert_refused_around(&skey, |text| text.parse::<SignerKey>().is_err());
    for bad in vectors["bad_vkeys"].as_array().unwrap() {
        assert!(bad.as_str().unwrap().parse::<VerifierKey>().is_err(), "{bad}");
    }
    let example: SignedNote = text("/c2sp_example/note").parse().unwrap();
    assert!(example.verified(&[text("/c2sp_example/vkey").parse().unwrap()]).is_ok());
}

#[test]
fn a_log_that_was_made_elsewhere_comes_out_to_the_byte() {
    let Some(folder) = vectors() else { return };
    let log = folder.join("tessera-testlog/testdata/log");
    // The public test keys that stand beside it.
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let secret = readme.split('`').find(|word| word.starts_with("PRIVATE+KEY+example.com/log"));
    let key: SignerKey = secret.unwrap().parse().unwrap();
    let words =
        "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten";
    let leaves: Vec<_> = words.split(' ').map(|word| leaf_hash(word.as_bytes())).collect();
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    for size in 0..=leaves.len() {
        if size > 0 {
            tree.push(leaves[size - 1]).unwrap();
            roots.push(tree.root());
            let tile = Tile::new(leaves[..size].to_vec()).unwrap();
            let path = TileId { level: 0, index: 0 }.path(u16::try_from(size).unwrap()).unwrap();
            assert_eq!(fs::read(log.join(&path)).unwrap(), tile.to_bytes(), "{path}");
        }
        let checkpoint = Checkpoint {
            origin: key.public().name().to_owned(),
            size: size.try_into().unwrap(),
            root: tree.root(),
            extensions: Vec::new(),
        };
        let note = SignedNote::new(checkpoint.to_string()).unwrap().signed(&key, at(0));
        let theirs = fs::read_to_string(log.join(format!("checkpoint.{size}"))).unwrap();
        assert_eq!(note.to_string(), theirs);
        let policy = Policy::of_logs([key.public().clone()]);
        assert_eq!(policy.check(&theirs.parse().unwrap()).unwrap().checkpoint, checkpoint);
    }
    // From its tiles, proofs between its checkpoints.
    let mut tiles = Tiles::new();
    tiles.insert(TileId { level: 0, index: 0 }, Tile::new(leaves.clone()).unwrap());
    for size in 1..=15_u64 {
        let root = roots[usize::try_from(size).unwrap()];
        for (index, leaf) in (0..size).zip(&leaves) {
            let proof = inclusion_proof(&tiles, index, size).unwrap();
            verify_inclusion(*leaf, index, size, &proof, root).unwrap();
        }
        for from in 1..=size {
            let proof = consistency_proof(&tiles, from, size).unwrap();
            let old = roots[usize::try_from(from).unwrap()];
            verify_consistency(from, size, old, root, &proof).unwrap();
        }
    }
}
