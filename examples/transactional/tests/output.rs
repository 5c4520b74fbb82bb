//! What the example prints.

use std::process::Command;

#[test]
fn what_was_committed_is_in_the_log_and_what_failed_is_there_as_a_failure() {
    let output = Command::new(env!("CARGO_BIN_EXE_transactional")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.remove(0), "orders: [1, 2, 3]");
    lines.sort_unstable();
    let told = [
        "order.correct 3 success",
        "order.import 2 success",
        "order.place 1 success",
        "order.place 4711 failure",
    ];
    assert_eq!(lines, told);
}
