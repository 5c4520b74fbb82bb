#![cfg(test)]
//! What the example says of a bundle as it was made, and of one that was changed.

use std::path::Path;
use std::process::{Command, Output};

use audit_core::bundle::{Part, write};
use audit_core::prove::disclose;
use audit_core::signer::Signer;
use audit_core::store::{MemoryStore, Reader};
use audit_core::{Actor, Event, Recorder};

fn run(folder: &Path, files: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_offline-verify"))
        .args(files)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_bundle_is_verified_without_a_database_and_a_changed_one_is_told() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, path) = (MemoryStore::new(), folder.path());
    let mut signer = Signer::open(Reader::new(store.clone()), keys.path()).await.unwrap();
    let recorder = Recorder::builder(store).origin("offline.example/audit").start().await.unwrap();
    let mut indices = Vec::new();
    for number in 0..9 {
        let actor = Actor::user("u-1").name("Alice Adams").email("alice@example.com");
        let event = Event::builder("invoice.pay").resource("invoice", number.to_string());
        indices.push(recorder.record_durable(event.actor(actor)).await.unwrap().index.unwrap());
    }
    let notes = signer.sign().await.unwrap().notes;
    let log = "offline.example/audit/standard";
    let note = notes.iter().find(|note| note.text().starts_with(log)).unwrap();
    let part = Part { checkpoint: note.clone(), entries: Some(2..7) };
    let (reader, policy, mut bundle) = (recorder.reader(), signer.policy(), Vec::new());
    write(&reader, &policy, &[part], false, &mut bundle).await.unwrap();
    let name = disclose(&reader, note, indices[4], "/actor/name").await.unwrap();
    std::fs::write(path.join("policy"), policy.to_string()).unwrap();
    std::fs::write(path.join("entries"), &bundle).unwrap();
    std::fs::write(path.join("name"), name.to_string()).unwrap();

    let done = run(path, &["policy", "entries", "name"]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told}");
    assert!(told.contains("standard: entries 2 to 7 of the first 9, 0 values"), "{told}");
    assert!(told.contains("entry 4: /actor/name is \"Alice Adams\""), "{told}");
    assert!(!told.contains("alice@"), "{told}");

    let text = String::from_utf8(bundle).unwrap();
    std::fs::write(path.join("entries"), text.replacen("invoice.pay", "invoice.pax", 1)).unwrap();
    let done = run(path, &["policy", "entries"]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(told.contains("not those that were signed"), "{told}");

    std::fs::write(path.join("name"), name.to_string().replace("Adams", "Adamz")).unwrap();
    std::fs::write(path.join("entries"), text).unwrap();
    let done = run(path, &["policy", "entries", "name"]);
    assert!(!done.status.success());
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("/actor/name"), "{told}");
}
