//! What the example prints.

use std::process::Command;

#[test]
fn each_piece_of_work_is_in_the_log_with_its_outcome_and_what_it_changed() {
    let output = Command::new(env!("CARGO_BIN_EXE_jobs")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let told = [
        r#""account.charge" "success" [{"after":50,"before":150,"path":"/cents"},{"path":"/token"}]"#,
        r#""account.charge" "failure" -"#,
        r#""account.close" "denied" -"#,
        r#""report.upload" "failure" -"#,
        r#""account.report" "success" -"#,
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), told);
}
