//! Notes that are cut off, stand twice, are huge, no text, or of another log.

use std::time::Duration;

use tokio::time::Instant;

use super::{ADOPT, Case, VERIFY};

const CHECKPOINT: &str = "out/cli.example-audit-standard.checkpoint";

#[tokio::test]
async fn a_checkpoint_that_is_none_is_not_believed_and_named() {
    let case = Case::new(3).await;
    case.good(&ADOPT);
    let good = std::fs::read(case.path(CHECKPOINT)).unwrap();
    let of_audit = std::fs::read(case.path("out/cli.example-audit-audit.checkpoint")).unwrap();
    let other = Case::new(3).await;
    other.good(&ADOPT);
    let of_another = std::fs::read(other.path(CHECKPOINT)).unwrap();
    let origin = String::from_utf8(good.clone()).unwrap().replace("/standard", "/Standard");
    let mut cases = vec![
        ("empty", Vec::new()),
        ("standing twice", good.repeat(2)),
        ("of another log under its name", of_audit),
        ("of a log of the same name", of_another),
        ("of another origin", origin.into_bytes()),
        ("no text", [b"\xff\xfe", &good[..]].concat()),
        ("with a NUL", [&good[..], b"\0"].concat()),
        ("larger than a note may be", b"x\n".repeat(600_000)),
        ("with too many signatures", many_signatures(&good)),
    ];
    let ends = (1..good.len()).step_by(good.len() / 12);
    cases.extend(ends.map(|end| ("cut off", good[..end].to_vec())));
    for (what, text) in cases {
        std::fs::write(case.path(CHECKPOINT), &text).unwrap();
        for command in [&VERIFY[..], &["prove", "--checkpoint", CHECKPOINT, "--index", "9"]] {
            let refused = case.audit(command);
            assert!(matches!(refused.code, Some(1 | 2)), "{what}: {}", refused.stdout);
            assert!(!refused.stderr.contains("panicked"), "{what}: {}", refused.stderr);
        }
        let refused = case.audit(&VERIFY);
        let told = refused.stdout + &refused.stderr;
        assert!(told.contains("cli.example") && told.contains("standard"), "{what}: {told}");
    }
}

fn many_signatures(note: &[u8]) -> Vec<u8> {
    let note = std::str::from_utf8(note).unwrap().trim_end();
    let (_, line) = note.rsplit_once('\n').unwrap();
    format!("{note}\n{}", format!("{line}\n").repeat(100)).into_bytes()
}

#[tokio::test]
async fn a_file_that_never_ends_is_not_read_to_its_end() {
    let case = Case::new(1).await;
    case.good(&ADOPT);
    let huge = std::fs::File::create(case.path("huge")).unwrap();
    // It takes no room on the disk.
    huge.set_len(1 << 40).unwrap();
    for command in [
        &["verify", "--policy", "huge", "--checkpoint", "out"][..],
        &["verify", "--policy", "out/policy", "--checkpoint", "huge"],
        &["prove", "--checkpoint", "huge", "--index", "0"],
        &["verify-proof", "--policy", "out/policy", "--proof", "huge"],
    ] {
        let start = Instant::now();
        let refused = case.audit(command);
        assert_eq!(refused.code, Some(2), "{command:?}: {}", refused.stdout);
        let why = &refused.stderr;
        assert!(why.contains("`huge`") && why.contains("larger than any note"), "{why}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
