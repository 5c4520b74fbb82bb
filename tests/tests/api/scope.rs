//! Nobody gets out of their scope, nor sees what they have no right to.

use audit_core::Event;
use audit_core::signer::Signer;
use audit_core::store::{MemoryStore, Reader};
use axum::http::StatusCode;
use serde_json::json;

use crate::app::{AUDITOR, App, CLERK, OF_ACME, encoded, payment};

#[tokio::test]
async fn who_is_not_known_or_has_no_right_gets_nothing() {
    let app = App::with_payments().await;
    let id = app.record(payment(0)).await;
    let paths = [
        "/events",
        "/resources/invoice/i-1/history",
        "/actors/u-1/events",
        "/facets?field=actor",
        "/histogram",
        "/tail",
        "/checkpoint",
        "/integrity",
        "/health",
        "/coverage",
    ];
    let of_one = [format!("/events/{id}"), format!("/events/{id}/proof")];
    for path in paths.into_iter().chain(of_one.iter().map(String::as_str)) {
        for (who, status) in [
            ("", StatusCode::UNAUTHORIZED),
            ("mallory search", StatusCode::FORBIDDEN),
            ("bob none", StatusCode::FORBIDDEN),
            ("nobody-knows search", StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let answer = app.get(who, path).await;
            assert_eq!(answer.status, status, "{who} {path}");
            answer.problem();
        }
    }
    let answer = app.get("", "/events").await;
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let answer = app.ask("POST", "bob search", "/integrity/verify", &[]).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (StatusCode::FORBIDDEN, "This takes the right `verify`.")
    );
    for path in ["/openapi.json", "/schema.json"] {
        assert_eq!(app.get("", path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn entries_of_other_tenants_are_not_there() {
    let (store, folder) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await.unwrap();
    let recorder = audit_core::Recorder::builder(store).origin("test.example/audit");
    let app = App::of(recorder.start().await.unwrap());
    for i in 0..12 {
        app.record(payment(i)).await;
    }
    let (ours, theirs) = (app.record(payment(12)).await, app.record(payment(13)).await);
    let ownerless = app.record(Event::builder("invoice.pay")).await;
    let _ = signer.sign().await.unwrap();

    // Whatever is asked, and however the question is turned.
    for q in [
        "",
        "tenant:other",
        "-tenant:acme",
        "tenant:acme,other",
        "-tenant:*",
        "actor:u-2",
        "log:test.example/audit/standard",
    ] {
        for order in ["newest", "oldest"] {
            let path = format!("/events?q={}&order={order}", encoded(q));
            let found = app.get(OF_ACME, &path).await;
            assert!(found.of_events("/tenant").iter().all(|it| it == "acme"), "{q}");
            let (count, entries) =
                (found.json()["count"]["entries"].clone(), found.of_events("/id").len());
            assert_eq!(count, json!(entries), "{q}");
        }
    }
    assert_eq!(app.get(OF_ACME, "/events?q=tenant:other").await.of_events("/id").len(), 0);
    assert_eq!(app.get(OF_ACME, "/resources/invoice/i-1/history").await.of_events("/id").len(), 0);
    assert_eq!(app.get(OF_ACME, "/actors/u-2/events").await.of_events("/id").len(), 0);

    // A cursor of somebody who sees more, and of somebody else's scope.
    for who in [AUDITOR, "otto search,sensitive other"] {
        let page = app.get(who, "/events?q=action:invoice.pay&limit=2").await;
        let cursor = page.json()["next"].as_str().unwrap().to_owned();
        let stolen = app
            .get(OF_ACME, &format!("/events?q=action:invoice.pay&limit=2&cursor={cursor}"))
            .await;
        assert_eq!(stolen.status, StatusCode::BAD_REQUEST);
        assert!(stolen.problem().contains("another query"));
    }

    // Single entries, whose ids are known: as if they were not there.
    for id in [theirs, ownerless, uuid::Uuid::nil()] {
        for path in [format!("/events/{id}"), format!("/events/{id}/proof")] {
            let answer = app.get(OF_ACME, &path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(answer.problem(), "There is no such entry, or not for whoever asks.");
        }
    }
    assert_eq!(
        app.get(OF_ACME, &format!("/events/{ours}")).await.json()["event"]["tenant"],
        "acme"
    );
    assert_eq!(app.get(OF_ACME, &format!("/events/{ours}/proof")).await.status, StatusCode::OK);

    // Counts.
    let facets = app.get(OF_ACME, "/facets?field=tenant").await.json();
    assert_eq!(facets["values"], json!([{ "value": "acme", "entries": 7 }]));
    let facets = app.get(OF_ACME, "/facets?field=actor&q=tenant:other").await.json();
    assert_eq!(facets["values"], json!([]));
    let histogram = app.get(OF_ACME, "/histogram?buckets=1").await.json();
    assert_eq!(histogram["buckets"][0]["entries"], 7);

    // What concerns the logs as a whole.
    for path in ["/checkpoint", "/integrity", "/health", "/coverage"] {
        let answer = app.get(OF_ACME, path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.problem().contains("whole log"));
    }
    assert_eq!(
        app.ask("POST", OF_ACME, "/integrity/verify", &[]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn an_error_says_nothing_of_what_is_out_of_scope() {
    let app = App::with_payments().await;
    for path in [
        "/events?q=tenant:other%20actr:x",
        "/events?cursor=x",
        "/events?limit=0",
        "/facets?field=x",
    ] {
        let answer = app.get(OF_ACME, path).await;
        let text = answer.problem();
        assert!(!["u-2", "secret", "i-1"].iter().any(|it| text.contains(it)), "{text}");
    }
}

#[tokio::test]
async fn who_may_not_see_sensitive_values_does_not_find_them_out_either() {
    let app = App::with_payments().await;
    let id = app.record(payment(1)).await;
    let seen = app.get(CLERK, &format!("/events/{id}")).await.json();
    assert_eq!(seen["event"]["message"], "payment number 1 of other");
    for hidden in ["/request/ip", "/request/id", "/metadata", "/nonce"] {
        assert_eq!(seen["event"].pointer(hidden), None, "{hidden}");
        let all = app.get(AUDITOR, &format!("/events/{id}")).await.json();
        assert!(all["event"].pointer(hidden).is_some(), "{hidden}");
    }
    for q in [
        "ip:10.0.0.1",
        "-ip:10.0.0.0/8",
        "request:r-1",
        "-request:r-*",
        "session:x",
        "error.message:*",
        "changed:/a",
        "user_agent:x",
    ] {
        for path in [
            format!("/events?q={}", encoded(q)),
            format!("/histogram?q={}", encoded(q)),
            format!("/tail?q={}", encoded(q)),
        ] {
            let answer = app.get(CLERK, &path).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert!(answer.problem().contains("`sensitive`"), "{}", answer.problem());
        }
    }
    assert_eq!(app.get(CLERK, "/facets?field=session").await.status, StatusCode::FORBIDDEN);
    // Free text looks at what is seen, and no further.
    let failed =
        Event::builder("job.run").error(audit_core::ErrorInfo::new("the vault is at 10.9.8.7"));
    app.record(failed).await;
    assert_eq!(app.get(AUDITOR, "/events?q=vault").await.of_events("/id").len(), 1);
    assert_eq!(app.get(CLERK, "/events?q=vault").await.of_events("/id").len(), 0);
    assert_eq!(app.get(CLERK, "/events?q=payment").await.of_events("/id").len(), 13);
}
