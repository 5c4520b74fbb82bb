//! What is read from the request itself.

use audit_tower::{AuditLayer, ProxyHeader, SessionKey};
use axum::http::HeaderName;
use serde_json::{Value, json};

use crate::{ask, ask_all, ask_at, routes};

fn behind_a_proxy(layer: AuditLayer) -> AuditLayer {
    layer.trusted_proxies(["127.0.0.0/8".parse().unwrap()])
}

/// Whether the event says that a member does not stand as it came.
fn is_altered(event: &Value, pointer: &str) -> bool {
    event["truncated"].as_array().is_some_and(|all| all.contains(&json!(pointer)))
}

#[tokio::test]
async fn a_plain_request_tells_where_it_comes_from_and_where_it_goes() {
    let event = ask(|layer| layer.service("billing", "1.2.3"), "User-Agent: curl/8\r\n").await;
    let request = &event["request"];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["route"], "/invoices/{id}/pay");
    assert_eq!(request["host"], "shop.example");
    assert_eq!(request["ip"], "127.0.0.1");
    assert_eq!(request["user_agent"], "curl/8");
    assert_eq!(request["status"], 200);
    assert_eq!(event["source"], json!({"system": "web", "service": "billing", "version": "1.2.3"}));
    assert!(event["truncated"].is_null(), "{event:#}");
    for absent in ["correlation_id", "trace_id", "span_id", "session"] {
        assert!(request[absent].is_null(), "{request:#}");
    }
}

#[tokio::test]
async fn a_host_that_is_told_twice_and_differently_is_none() {
    for (lines, host) in [
        ("Host: SHOP.example\r\n", Some("shop.example")),
        ("", Some("shop.example")),
        ("Host: mine.example\r\n", None),
        ("Host: ann:pw@shop.example\r\n", Some("shop.example")),
    ] {
        let line = "POST http://ann:pw@shop.example/invoices/7/pay HTTP/1.1\r\n";
        let head = [line, lines].concat();
        let (_, event) = ask_all("127.0.0.1:0", |by| routes().layer(by), head.as_bytes()).await;
        assert_eq!(event["request"]["host"].as_str(), host, "{lines}");
        assert_eq!(is_altered(&event, "/request/host"), host.is_none(), "{lines}");
    }
    let event = ask(|layer| layer, "Host: mine.example\r\n").await;
    assert!(event["request"]["host"].is_null() && is_altered(&event, "/request/host"));
}

#[tokio::test]
async fn a_request_id_that_is_sane_is_taken_over_and_any_other_replaced() {
    for (lines, is_taken) in [
        ("X-Request-Id: r-1\r\n", true),
        ("X-Request-Id: r 1\r\n", false),
        ("X-Request-Id: \"r\"\r\n", false),
        ("X-Request-Id: \r\n", false),
        ("X-Request-Id: r\u{e4}\r\n", false),
        ("X-Request-Id: r-1\r\nX-Request-Id: r-2\r\n", false),
    ] {
        let (answer, event) =
            ask_at("127.0.0.1:0", |by| routes().layer(by), lines.as_bytes()).await;
        let id = event["request"]["id"].as_str().unwrap();
        assert!(answer.to_lowercase().contains(&format!("\r\nx-request-id: {id}\r\n")), "{answer}");
        assert_eq!(id == "r-1", is_taken, "{lines}");
        assert_eq!(is_altered(&event, "/request/id"), !is_taken, "{lines}");
    }
}

#[tokio::test]
async fn a_trace_is_taken_over_if_it_is_one() {
    let line = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let event = ask(|layer| layer, line).await;
    assert_eq!(event["request"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(event["request"]["span_id"], "b7ad6b7169203331");
    for lines in [[line, line].concat(), line.replace("-01", ""), line.replace("0af7", "0AF7")] {
        let event = ask(|layer| layer, &lines).await;
        assert!(event["request"]["trace_id"].is_null(), "{lines}");
        assert!(is_altered(&event, "/request/trace_id"), "{lines}");
    }
}

#[tokio::test]
async fn a_correlation_id_comes_from_the_header_that_is_named() {
    let event = ask(|layer| layer, "X-Correlation-Id: order-7\r\n").await;
    assert_eq!(event["request"]["correlation_id"], "order-7");
    let named = |layer: AuditLayer| layer.correlation_header(HeaderName::from_static("x-saga"));
    let event = ask(named, "X-Correlation-Id: order-7\r\nX-Saga: s-1\r\n").await;
    assert_eq!(event["request"]["correlation_id"], "s-1");
    let event = ask(|layer| layer, format!("X-Correlation-Id: {}\r\n", "7".repeat(200))).await;
    assert!(event["request"]["correlation_id"].is_null());
    assert!(is_altered(&event, "/request/correlation_id"));
}

#[tokio::test]
async fn a_session_is_told_by_a_hash_that_is_no_secret() {
    let key = || SessionKey::new(&[0; 32]);
    // HMAC-SHA256 of `abc` under 32 zeros, by another implementation.
    let hash = "_XrbFSwF74Dcz1Ch-kwF1aPsbalVdfwxKufF0JGDY1E";
    let by_cookie = |layer: AuditLayer| layer.session_cookie("sid", key());
    let event = ask(by_cookie, "Cookie: theme=dark; sid=abc\r\n").await;
    assert_eq!(event["request"]["session"], hash);
    assert!(!event.to_string().contains("sid="));
    let escaped = |layer: AuditLayer| layer.session_cookie("s%2B", key());
    assert_eq!(ask(escaped, "Cookie: s%2B=%61bc\r\n").await["request"]["session"], hash);
    for lines in ["Cookie: sid=abc; sid=def\r\n", "Cookie: sid=abc\r\nCookie: sid=\r\n"] {
        let event = ask(by_cookie, lines).await;
        assert!(event["request"]["session"].is_null(), "{lines}");
        assert!(is_altered(&event, "/request/session"), "{lines}");
    }
    let by_header =
        |layer: AuditLayer| layer.session_header(HeaderName::from_static("x-session"), key());
    let event = ask(by_header, "X-Session: abc\r\n").await;
    assert_eq!(event["request"]["session"], hash);
    // A jar of a thousand cookies.
    let jar: String = (0..1_000).map(|i| format!("c{i}={i}; ")).collect();
    let event = ask(by_cookie, format!("Cookie: {jar}sid=abc\r\n")).await;
    assert_eq!(event["request"]["session"], hash);
    let event = ask(by_cookie, format!("Cookie: {jar}\r\n")).await;
    assert!(event["request"]["session"].is_null());
}

/// Headers that say of a request that it comes from elsewhere.
const FORGED: &str = "X-Forwarded-For: 198.51.100.7\r\nForwarded: for=198.51.100.8\r\nX-Real-IP: 198.51.100.9\r\n\
                      CF-Connecting-IP: 198.51.100.10\r\nTrue-Client-IP: 198.51.100.11\r\n";

#[tokio::test]
async fn nobody_who_is_not_trusted_is_believed() {
    let event = ask(|layer| layer, FORGED).await;
    assert_eq!(event["request"]["ip"], "127.0.0.1");
    let elsewhere = |layer: AuditLayer| layer.trusted_proxies(["10.0.0.0/8".parse().unwrap()]);
    let event = ask(elsewhere, FORGED).await;
    assert_eq!(event["request"]["ip"], "127.0.0.1");
    assert!(event["request"]["peer"].is_null() && event["truncated"].is_null());
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_in_the_header_that_is_named() {
    let real_ip = ProxyHeader::Named(HeaderName::from_static("x-real-ip"));
    for (header, ip) in [
        (ProxyHeader::XForwardedFor, "198.51.100.7"),
        (ProxyHeader::Forwarded, "198.51.100.8"),
        (real_ip, "198.51.100.9"),
    ] {
        let event = ask(|layer| behind_a_proxy(layer).proxy_header(header.clone()), FORGED).await;
        assert_eq!(event["request"]["ip"], ip, "{header:?}");
        assert_eq!(event["request"]["peer"], "127.0.0.1", "who has told it");
        // What such a proxy does not overwrite, the client has sent.
        let event = ask(|layer| behind_a_proxy(layer).proxy_header(header.clone()), "").await;
        assert_eq!(event["request"]["ip"], "127.0.0.1", "{header:?}");
        assert!(event["request"]["peer"].is_null(), "{header:?}");
    }
    let lines = "X-Forwarded-For: 10.6.6.6, 198.51.100.7\r\nX-Forwarded-For: 127.0.0.9\r\n";
    let event = ask(behind_a_proxy, lines).await;
    assert_eq!(event["request"]["ip"], "198.51.100.7");
}

#[tokio::test]
async fn a_proxy_that_does_not_tell_leaves_its_own_address_and_that_is_said() {
    let forwarded = |layer| behind_a_proxy(layer).proxy_header(ProxyHeader::Forwarded);
    for lines in [
        "Forwarded: for=198.51.100.7;for=198.51.100.8\r\n",
        "Forwarded: for=198.51.100.7, for=unknown\r\n",
        "Forwarded: for=\"\r\n",
    ] {
        let event = ask(forwarded, lines).await;
        assert_eq!(event["request"]["ip"], "127.0.0.1", "{lines}");
        assert!(is_altered(&event, "/request/ip"), "{lines}");
    }
    let enormous = format!("X-Forwarded-For: {}\r\n", "?,".repeat(50_000));
    let event = ask(behind_a_proxy, enormous).await;
    assert_eq!(event["request"]["ip"], "127.0.0.1");
    assert!(is_altered(&event, "/request/ip"));
}

#[tokio::test]
async fn an_address_of_ipv4_is_one_on_a_socket_of_ipv6_too() {
    let layered = |layer| routes().layer(behind_a_proxy(layer));
    let line = b"X-Forwarded-For: ::ffff:198.51.100.7\r\n";
    let (_, event) = ask_at("[::]:0", layered, line).await;
    assert_eq!(event["request"]["ip"], "198.51.100.7");
    let (_, event) = ask_at("[::]:0", |layer| routes().layer(layer), line).await;
    assert_eq!(event["request"]["ip"], "127.0.0.1");
}

#[tokio::test]
async fn a_user_agent_that_is_no_text_or_too_long_is_cut_and_that_is_said() {
    let event = ask(|layer| layer, b"User-Agent: \xff\xfe\r\n").await;
    assert_eq!(event["request"]["user_agent"], "\u{fffd}\u{fffd}");
    assert!(is_altered(&event, "/request/user_agent"));
    let event = ask(|layer| layer, format!("User-Agent: {}\r\n", "x".repeat(60_000))).await;
    assert!(event["request"]["user_agent"].as_str().unwrap().len() <= 512);
    assert!(is_altered(&event, "/request/user_agent"));
}
