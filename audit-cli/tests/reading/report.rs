//! `audit report`

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::{Actor, ErrorInfo, Event, EventBuilder, Outcome, RequestInfo, Sensitivity};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::case::{Case, on_each_database};

fn done(action: &'static str, who: &str, ip: [u8; 4]) -> EventBuilder {
    Event::builder(action).actor(Actor::user(who)).request(RequestInfo::new().ip(ip.into()))
}

async fn record(case: &Case) {
    let old = SystemClock::new().now() - TimeDelta::days(40);
    for event in [
        done("invoice.view", "u-old", [10, 0, 0, 1]).occurred_at(old).outcome(Outcome::Denied),
        done("invoice.view", "u-old", [10, 0, 0, 1]).outcome(Outcome::Success),
        done("invoice.view", "u-old", [10, 0, 0, 1]).outcome(Outcome::Denied),
        done("invoice.pay", "<b>u-new\u{202e}", [10, 0, 0, 2])
            .outcome(Outcome::Failure)
            .error(ErrorInfo::untold().code("limit")),
        done("key.rotate", "u-old", [10, 0, 0, 3])
            .outcome(Outcome::Success)
            .sensitivity(Sensitivity::Critical),
        done("invoice.close", "u-old", [10, 0, 0, 1])
            .outcome(Outcome::Success)
            .is_compliance_relevant(true),
    ] {
        case.recorder.record_durable(event).await.unwrap();
    }
}

#[tokio::test]
async fn the_regular_review_is_one_page() {
    on_each_database(async |case| {
        record(case).await;
        let page = case.printed(&["report", "--since", "30d", "--json"]);
        let page: Value = serde_json::from_str(&page).unwrap();
        let rows = |title: &str| {
            let section =
                page["sections"].as_array().unwrap().iter().find(|it| it["title"] == title);
            section.unwrap_or_else(|| panic!("{page:#}"))["rows"].clone()
        };
        let new = "<b>u-new\u{202e}";
        assert_eq!(rows("Denied"), json!([["1", "u-old", "invoice.view"]]));
        assert_eq!(rows("Failed"), json!([["1", "invoice.pay", "limit"]]));
        assert_eq!(rows("Actors not seen before"), json!([[new, "1"]]));
        assert_eq!(
            rows("Addresses not seen before"),
            json!([["10.0.0.2", "1"], ["10.0.0.3", "1"]])
        );
        assert_eq!(
            rows("Privileged actions"),
            json!([["1", "u-old", "invoice.close"], ["1", "u-old", "key.rotate"]])
        );
        // The recorder of this test is at work.
        assert_eq!(rows("Gaps, and recorders that did not stop cleanly"), json!([]));
        assert_eq!(rows("The logs").as_array().unwrap().len(), 2);

        let text = case.printed(&["report", "--since", "30d"]);
        assert!(text.contains("<b>u-new\\u{202e}") && !text.contains('\u{202e}'), "{text}");
        assert!(text.contains("last verification: never recorded"), "{text}");
        let html = case.printed(&["report", "--since", "30d", "--html"]);
        assert!(
            html.starts_with("<!doctype html>") && html.contains("&lt;b&gt;u-new\\u{202e}"),
            "{html}"
        );
        assert!(!html.contains("<b>") && !html.contains("<script"));
        assert_eq!(case.audit(&["report"]).code, Some(2));
    })
    .await;
}
