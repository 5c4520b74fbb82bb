//! The attacks, one after the other.

use super::attacker::Attacker;
use crate::table::ATTACKS;

#[tokio::test]
async fn each_attack_is_found_as_what_it_is_and_as_nothing_else() {
    let Some(mut attacker) = Attacker::new().await else {
        return;
    };
    let mut wrong = Vec::new();
    for attack in ATTACKS {
        for step in attack.steps {
            attacker.step(step).await;
        }
        let report = attacker.report(attack.outside).await;
        let found = report.findings().map(|finding| match finding.entries {
            Some(entries) => format!("{} {entries}", finding.kind),
            None => finding.kind.to_string(),
        });
        let mut found: Vec<_> = found.collect();
        found.sort();
        if found != attack.found {
            wrong.push(format!("{}: {found:?}, not {:?}:\n{report}", attack.name, attack.found));
        }
        if attack.steps.first() != Some(&"keys off") {
            attacker.put_back().await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
