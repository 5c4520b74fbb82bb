//! Keys, from the first to the next.

use std::os::unix::fs::PermissionsExt as _;

use audit_core::Query;
use audit_core::note::{Policy, VerifierKey};
use audit_core::store::{Reader, SqliteStore};

use super::{ADOPT, Case, LOG, SIGN, VERIFY};

/// The keys of the log `standard` that sign, the oldest first.
fn keys(case: &Case) -> Vec<VerifierKey> {
    let list = case.good(&["keys", "list", "--keys", "keys"]);
    let keys = list.lines().filter_map(|line| line.strip_prefix("log "));
    keys.map(|key| key.parse().unwrap()).filter(|key: &VerifierKey| key.name() == LOG).collect()
}

#[tokio::test]
async fn keys_are_made_when_a_log_is_first_signed_and_are_for_nobody_else() {
    let case = Case::new(3).await;
    let told = case.good(&ADOPT);
    let (note, _) = case.published();
    let key = keys(&case).remove(0);
    assert!(told.contains(&format!("new key {key}\n")), "{told}");
    assert!(!case.good(&SIGN).contains("new key"));
    assert!(note.verified(std::slice::from_ref(&key)).is_ok());
    assert!(case.text("out/policy").contains(&format!("log {key}\n")));
    let file = case.path("keys/keys");
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for wrong in [0o640, 0o604, 0o620, 0o601] {
        mode(wrong).unwrap();
        for command in [&SIGN[..], &["keys", "list", "--keys", "keys"]] {
            let refused = case.audit(command);
            assert_eq!(refused.code, Some(2), "{wrong:o}");
            assert!(refused.stderr.contains("can be read by others: `chmod 600` it"), "{wrong:o}");
        }
    }
    mode(0o600).unwrap();
    case.good(&SIGN);
}

#[tokio::test]
async fn a_key_is_rotated_and_revoked_and_verifiers_follow() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let (old, before) = (keys(&case).remove(0).to_string(), case.text("out/policy"));
    let rotated = case.good(&["keys", "rotate", "--keys", "keys", LOG]);
    let new = rotated.trim().strip_prefix("log ").unwrap().to_owned();
    let early = case.audit(&["keys", "revoke", "--keys", "keys", &old]);
    assert_eq!(early.code, Some(2));
    assert!(early.stderr.contains("sign once more"), "{}", early.stderr);

    case.record(2).await;
    case.good(&SIGN);
    let (note, checkpoint) = case.published();
    let signed = |key: &str| note.verified(&[key.parse().unwrap()]).is_ok();
    assert!(signed(&old) && signed(&new) && checkpoint.size == 5);
    // Both policies are good for it: the one of before, and the one that names both keys.
    assert!(before.parse::<Policy>().unwrap().check(&note).is_ok());
    let policy = case.text("out/policy");
    assert!(policy.contains(&old) && policy.contains(&new));
    case.good(&VERIFY);
    case.good(&[
        "prove",
        "--checkpoint",
        "out/cli.example-audit-standard.checkpoint",
        "--index",
        "1",
    ]);

    let revoked = case.good(&["keys", "revoke", "--keys", "keys", &old]);
    assert_eq!(revoked, format!("revoked {old} 5\n"));
    assert_eq!(keys(&case).len(), 1);
    assert!(case.good(&["keys", "list", "--keys", "keys"]).contains(&revoked));
    case.record(1).await;
    case.good(&SIGN);
    let (last, checkpoint) = case.published();
    assert!(last.verified(&[old.parse().unwrap()]).is_err() && checkpoint.size == 6);
    let policy = case.text("out/policy");
    assert!(!policy.contains(&old) && policy.contains(&new));
    assert_eq!(case.text("out/policy.revoked"), revoked);
    case.good(&VERIFY);

    // What the old key has signed before is still good, and what it might sign now is not.
    let policy: Policy = policy.parse().unwrap();
    assert!(policy.check(&note).is_ok(), "it has both signatures");
    let policy = policy.revoking(revoked.parse().unwrap());
    assert!(policy.check(&note).is_ok());

    // The log says who came after whom.
    let store = SqliteStore::open(case.path("audit.db").to_str().unwrap()).await.unwrap();
    let page = Reader::new(store.clone()).search(&Query::new().label("log", LOG)).await.unwrap();
    let said: Vec<_> = page.entries.iter().map(|entry| entry.event()["action"].clone()).collect();
    assert_eq!(said, ["audit.key.revoked", "audit.key.rotated"]);
    store.close().await;
}

#[tokio::test]
async fn a_folder_from_before_a_revocation_signs_nothing_more() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let old = keys(&case).remove(0).to_string();
    let files = ["keys", "state.json"].map(|name| case.path("keys").join(name));
    let before = files.each_ref().map(|file| std::fs::read(file).unwrap());
    case.good(&["keys", "rotate", "--keys", "keys", LOG]);
    case.good(&SIGN);
    case.good(&["keys", "revoke", "--keys", "keys", &old]);
    case.good(&SIGN);
    let published = [case.text("out/policy"), case.published().0.to_string()];

    std::fs::remove_file(case.path("keys/revoked")).unwrap();
    for (file, before) in files.iter().zip(before) {
        std::fs::write(file, before).unwrap();
    }
    case.record(1).await;
    let refused = case.audit(&SIGN);
    assert_eq!(refused.code, Some(2));
    let named = refused.stderr.contains(&old) && refused.stderr.contains("was revoked");
    assert!(named, "{}", refused.stderr);
    assert_eq!([case.text("out/policy"), case.published().0.to_string()], published);
}

#[tokio::test]
async fn a_key_that_is_revoked_by_hand_first_keeps_nothing_from_being_signed_by_the_next() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let old = keys(&case).remove(0).to_string();
    case.good(&["keys", "rotate", "--keys", "keys", LOG]);
    std::fs::write(case.path("out/policy.revoked"), format!("revoked {old} 3\n")).unwrap();
    case.record(1).await;
    case.audit(&SIGN);
    case.good(&["keys", "revoke", "--keys", "keys", &old]);
    case.record(1).await;
    case.good(&SIGN);
    let (last, checkpoint) = case.published();
    assert!(checkpoint.size == 5 && last.verified(&[old.parse().unwrap()]).is_err());
}

#[tokio::test]
async fn a_policy_that_somebody_has_written_is_kept_and_must_follow() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let witness = audit_core::note::SignerKey::generate(
        "witness.example",
        audit_core::note::KeyKind::Cosignature,
    );
    let witness = format!("witness W {}\n", witness.unwrap().public());
    let own = |text: &str| format!("# ours\n{witness}{text}");
    std::fs::write(case.path("out/policy"), own(&case.text("out/policy"))).unwrap();
    case.good(&SIGN);
    let old = keys(&case).remove(0).to_string();
    case.good(&["keys", "rotate", "--keys", "keys", LOG]);
    let refused = case.audit(&SIGN);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("does not name all keys of the signer")
            || refused.stderr.contains("does not name the keys"),
        "{}",
        refused.stderr
    );
    let both: String = keys(&case).iter().map(|key| format!("log {key}\n")).collect();
    let audit = case.text("out/policy");
    let audit = audit.lines().find(|line| line.contains("cli.example/audit/audit")).unwrap();
    std::fs::write(case.path("out/policy"), own(&format!("{audit}\n{both}quorum none\n"))).unwrap();
    case.good(&SIGN);
    // One that still names what was revoked is told of as well.
    case.good(&["keys", "revoke", "--keys", "keys", &old]);
    let refused = case.audit(&SIGN);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("still one that was revoked"), "{}", refused.stderr);
    assert!(case.text("out/policy").starts_with("# ours"));
}

#[tokio::test]
async fn a_cosigner_says_when_a_checkpoint_was_signed() {
    let case = Case::new(3).await;
    case.good(&["keys", "new", "--keys", "keys", "--cosigner", "time.cli.example"]);
    case.good(&ADOPT);
    let (note, _) = case.published();
    let policy: Policy = case.text("out/policy").parse().unwrap();
    let seen = policy.check(&note).unwrap().seen;
    assert_eq!((seen.len(), &*seen[0].0), (1, "time.cli.example"));
    // It came later than the keys of the logs.
    case.good(&["keys", "new", "--keys", "keys", "--cosigner", "time.other.example"]);
    case.good(&SIGN);
    let policy: Policy = case.text("out/policy").parse().unwrap();
    assert_eq!(policy.check(&case.published().0).unwrap().seen.len(), 2);
    let checkpoint = "out/cli.example-audit-standard.checkpoint";
    let proof = case.good(&["prove", "--checkpoint", checkpoint, "--index", "1"]);
    std::fs::write(case.path("1.tlog-proof"), proof).unwrap();
    let store = SqliteStore::open(case.path("audit.db").to_str().unwrap()).await.unwrap();
    let page = Reader::new(store.clone()).search(&Query::new().resource_id("1")).await.unwrap();
    std::fs::write(case.path("entry"), page.entries[0].canonical()).unwrap();
    store.close().await;
    let mut command =
        case.command(&["verify-proof", "--policy", "out/policy", "--proof", "1.tlog-proof"]);
    let output = command.stdin(std::fs::File::open(case.path("entry")).unwrap()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("\nseen by time.cli.example at 2"), "{told}");
}

#[tokio::test]
async fn keys_that_cannot_be_made_are_told_of() {
    let case = Case::new(1).await;
    for (arguments, why) in [
        (&["keys", "new", "--keys", "none", "a.example/audit/b"][..], "is no signer's yet"),
        (&["keys", "list", "--keys", "nowhere"], "cannot use `nowhere"),
        (&["keys", "new", "--keys", "none", "--cosigner", "a b"], "no spaces"),
        (&["keys", "revoke", "--keys", "none", "key"], "a key is written"),
    ] {
        let refused = case.audit(arguments);
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.stdout);
        assert!(refused.stderr.contains(why), "{arguments:?}: {}", refused.stderr);
    }
}

#[tokio::test]
async fn a_key_that_has_signed_nothing_yet_is_in_no_policy_that_is_published() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let later = "cli.example/audit/security";
    let key = case.good(&["keys", "new", "--keys", "keys", later]);
    case.good(&SIGN);
    assert!(case.good(&["keys", "list", "--keys", "keys"]).contains(&key));
    assert!(!case.text("out/policy").contains(later));
    case.good(&VERIFY);
}

#[tokio::test]
async fn a_list_of_what_was_revoked_that_cannot_be_read_is_not_taken_for_none() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let list = case.path("out/policy.revoked");
    std::os::unix::fs::symlink("nowhere", &list).unwrap();
    let refused = case.audit(&VERIFY);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains("policy.revoked"), "{}", refused.stderr);
    std::fs::remove_file(&list).unwrap();
    std::fs::create_dir(&list).unwrap();
    assert_eq!(case.audit(&VERIFY).code, Some(2));
    std::fs::remove_dir(&list).unwrap();
    case.good(&VERIFY);
}

#[tokio::test]
async fn keys_and_what_they_sign_are_told_in_json_as_well() {
    let case = Case::new(3).await;
    let json = |arguments: &[&str]| -> serde_json::Value {
        let said = case.good(arguments);
        assert_eq!(said.lines().count(), 1, "{said}");
        serde_json::from_str(&said).unwrap()
    };
    let signed = json(&[&ADOPT[..], &["--json"]].concat());
    let (_, checkpoint) = case.published();
    let standard = serde_json::json!({"log": LOG, "size": 3, "root": checkpoint.root.to_string()});
    assert!(signed["signed"].as_array().unwrap().contains(&standard), "{signed}");
    let listed = json(&["keys", "list", "--keys", "keys", "--json"]);
    let listed = listed.as_array().unwrap();
    let keys: Vec<_> = listed.iter().map(|line| line["key"].clone()).collect();
    assert_eq!(signed["keys"], serde_json::Value::from(keys));
    assert!(listed.iter().any(|line| line["name"] == LOG && line["kind"] == "log"));
}
