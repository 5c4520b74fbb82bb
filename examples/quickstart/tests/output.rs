//! What the example prints.

use std::process::Command;

#[test]
fn the_log_holds_both_requests_newest_first() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let told = [
        "quickstart.example/audit/standard 1 {",
        r#""outcome": "failure""#,
        r#""status": 404"#,
        r#""id": "1""#,
        "quickstart.example/audit/standard 0 {",
        r#""outcome": "success""#,
        r#""status": 200"#,
        r#""id": "4711""#,
    ];
    let mut rest = &*text;
    for told in told {
        rest = rest.split_once(told).unwrap_or_else(|| panic!("no {told} in {rest}")).1;
    }
}
