//! A signer whose disk is full.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{ADOPT, Case, Running, SIGN, until};

/// A small file system over a folder; it is gone with this.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Nothing where this user may not mount.
    fn on(folder: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=0700", "none"]).arg(folder);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let ballast = std::fs::File::create(self.0.join("ballast")).unwrap();
        let mut written = 0;
        while std::io::Write::write_all(&mut &ballast, &[0; 512]).is_ok() {
            written += 512;
        }
        assert!(written > 0);
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[tokio::test]
async fn no_signature_leaves_a_signer_whose_disk_is_full_and_it_says_so() {
    let case = Case::new(3).await;
    let folder = case.path("keys");
    let Some(disk) = SmallDisk::on(&folder) else {
        eprintln!("not done: this user may not mount a file system");
        return;
    };
    case.good(&ADOPT);
    let before = case.text("out/cli.example-audit-standard.checkpoint");
    case.record(4).await;
    disk.fill();
    let (state, keys) = (case.text("keys/state.json"), case.text("keys/keys"));
    let refused = case.audit(&SIGN);
    assert_eq!((refused.code, &*refused.stdout), (Some(2), ""));
    let why = &refused.stderr;
    assert!(
        why.contains("state.json` of the signer's folder") && why.contains("No space"),
        "{why}"
    );
    assert_eq!(case.text("out/cli.example-audit-standard.checkpoint"), before);
    // What was there is whole.
    assert_eq!((case.text("keys/state.json"), case.text("keys/keys")), (state, keys));
    // Nor does a key come of it that nobody has kept.
    let rotated = case.audit(&["keys", "rotate", "--keys", "keys", super::LOG]);
    assert_eq!((rotated.code, &*rotated.stdout), (Some(2), ""), "{}", rotated.stderr);

    // One that goes on says so, waits, and signs when there is room again.
    let told = std::fs::File::create(case.path("told")).unwrap();
    let arguments = [&SIGN[..], &["--every", "1"]].concat();
    let mut command = case.command(&arguments);
    let signer = Running(command.stdout(Stdio::null()).stderr(told).spawn().unwrap());
    until("told", || case.text("told").matches("No space").count() > 1);
    assert_eq!(case.text("out/cli.example-audit-standard.checkpoint"), before);
    disk.make_room();
    until("signed", || case.published().1.size == 7);
    drop(signer);
    case.good(&SIGN);
}
