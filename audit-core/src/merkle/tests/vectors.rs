//! Vectors made elsewhere, read from the folder that `AUDIT_VECTORS` names.

use std::fs;
use std::path::{Path, PathBuf};

use base64::prelude::*;
use serde_json::Value;

use crate::merkle::*;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("AUDIT_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: AUDIT_VECTORS is not set");
    }
    folder
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// All cases below a folder, with their paths.
fn cases(folder: &Path) -> Vec<(PathBuf, Value)> {
    let mut cases = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            cases.extend(self::cases(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            cases.push((path.clone(), json(&path)));
        }
    }
    cases
}

/// A hash in base64, unless it has another length than 32 bytes.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    Hash::try_from(bytes.as_slice()).ok()
}

/// The proof of a case; some write an empty one as null.
fn proof(case: &Value) -> Option<Vec<Hash>> {
    let hashes = case["proof"].as_array().into_iter().flatten();
    hashes.map(hash).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn inclusion_cases_of_transparency_dev_are_judged_as_written() {
    let Some(folder) = folder() else { return };
    let cases = cases(&folder.join("transparency-dev-merkle/testdata/inclusion"));
    assert_eq!(cases.len(), 98);
    for (path, case) in cases {
        let accepted = || {
            let (index, size) = (number(&case["leafIdx"]), number(&case["treeSize"]));
            let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
            verify_inclusion(leaf, index, size, &proof(&case)?, root).ok()
        };
        let refused = accepted().is_none();
        assert_eq!(refused, case["wantErr"] == true, "{}", path.display());
    }
}

#[test]
fn consistency_cases_of_transparency_dev_are_judged_as_written() {
    let Some(folder) = folder() else { return };
    let cases = cases(&folder.join("transparency-dev-merkle/testdata/consistency"));
    assert_eq!(cases.len(), 98);
    let mut not_hashes = 0;
    for (path, case) in cases {
        let accepted = || {
            let (from, to) = (number(&case["size1"]), number(&case["size2"]));
            let (old, new) = (hash(&case["root1"])?, hash(&case["root2"])?);
            verify_consistency(from, to, old, new, &proof(&case)?).ok()
        };
        let refused = accepted().is_none();
        if path.ends_with("additional/sizes-are-equal-one-and-proof-is-empty.json") {
            // Its roots are equal, as it says, but they are 12 bytes of text and no hashes.
            assert_eq!((hash(&case["root1"]), refused), (None, true));
            not_hashes += 1;
        } else {
            assert_eq!(refused, case["wantErr"] == true, "{}", path.display());
        }
    }
    assert_eq!(not_hashes, 1);
}

#[test]
fn roots_and_nodes_of_the_rfc_6962_vectors_are_ours() {
    let Some(folder) = folder() else { return };
    let vectors = json(&folder.join("rfc6962-vectors.json"));
    let texts = |name: &str| -> Vec<String> {
        let texts = vectors[name].as_array().unwrap().iter();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let leaves: Vec<Hash> = texts("leaf_inputs_hex")
        .iter()
        .map(|input| leaf_hash(&hex::decode(input).unwrap()))
        .collect();

    let mut frontier = Frontier::new();
    let mut roots = vec![frontier.root().to_string()];
    for leaf in &leaves {
        frontier.push(*leaf).unwrap();
        roots.push(frontier.root().to_string());
    }
    assert_eq!(roots, texts("roots_hex"));

    let tiles = super::all_tiles(&leaves);
    let places = (0..4).flat_map(|level| (0..8 >> level).map(move |index| (level, index)));
    let nodes = places.map(|(level, index)| tiles.node(level, index).unwrap().to_string());
    assert_eq!(nodes.collect::<Vec<_>>(), texts("node_hashes_hex"));
}

#[test]
fn tiles_and_roots_of_the_tessera_test_log_are_ours_byte_for_byte() {
    let Some(folder) = folder() else { return };
    let log = folder.join("tessera-testlog/testdata/log");
    let words =
        "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten";
    let mut leaves = Vec::new();
    let mut frontier = Frontier::new();
    let mut words = words.split(' ');
    for size in 0..=15 {
        let note = fs::read_to_string(log.join(format!("checkpoint.{size}"))).unwrap();
        let lines: Vec<&str> = note.lines().collect();
        assert_eq!(lines[1], frontier.size().to_string());
        assert_eq!(lines[2], BASE64_STANDARD.encode(frontier.root().as_bytes()));

        if size > 0 {
            let id = TileId { level: 0, index: 0 };
            let path = id.path(id.width(size)).unwrap();
            let tile = Tile::new(leaves.clone()).unwrap();
            assert_eq!(tile.to_bytes(), fs::read(log.join(path)).unwrap());
        }
        if let Some(word) = words.next() {
            leaves.push(leaf_hash(word.as_bytes()));
            frontier.push(leaf_hash(word.as_bytes())).unwrap();
        }
    }
    assert_eq!(words.next(), None);
}
