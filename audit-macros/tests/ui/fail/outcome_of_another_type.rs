use audit_core::{Verdict, audited};

fn judged(_: &str) -> Verdict {
    Verdict::success()
}

#[audited(action = "a.b", outcome = judged)]
async fn approve() -> u64 {
    7
}

fn main() {}
