//! Addresses through proxies: by hand, and against another implementation.

use http::HeaderValue;
use proptest::prelude::*;
use trusted_proxies::{Config, Trusted};

use super::*;

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "2001:db8:ffff::/48", "::ffff:172.16.0.0/108"];

fn proxies(header: ProxyHeader) -> Proxies {
    let mut proxies = Proxies { header, ..Proxies::default() };
    proxies.trust(TRUSTED.map(|network| network.parse().unwrap()));
    proxies
}

fn named() -> ProxyHeader {
    ProxyHeader::Named(HeaderName::from_static("x-real-ip"))
}

fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    headers
}

/// What is found, with a `?` where it is not known to be the client's.
fn found(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
    let name = match &header {
        ProxyHeader::XForwardedFor => X_FORWARDED_FOR.clone(),
        ProxyHeader::Forwarded => header::FORWARDED,
        ProxyHeader::Named(name) => name.clone(),
    };
    let client = proxies(header).client_ip(peer.parse().unwrap(), &headers(&name, lines));
    format!("{}{}", client.ip, if client.is_nearest { "?" } else { "" })
}

#[test]
fn a_list_is_read_from_its_right_end_as_far_as_it_can_be_trusted() {
    for (peer, lines, client) in [
        // Nobody is believed who is not trusted.
        ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
        // What the client sends stands to the left of what it is.
        ("10.0.0.1", &["10.6.6.6, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", &["203.0.113.9", "198.51.100.7,10.0.0.3", "10.0.0.2"], "198.51.100.7"),
        // All of them are trusted: the one furthest away asks for itself.
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // Forms.
        ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", &["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", &["[2001:db8::7]:4711, 2001:db8:ffff::1"], "2001:db8::7"),
        ("::ffff:10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["198.51.100.7, [::ffff:10.0.0.2]:80"], "198.51.100.7"),
        ("172.16.3.4", &["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &[" ,\t198.51.100.7 , ,", ""], "198.51.100.7"),
        // What is no address hides all that is left of it.
        ("10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1?"),
        ("10.0.0.1", &["198.51.100.7, ?, 10.0.0.2"], "10.0.0.2?"),
        ("10.0.0.1", &["198.51.100.7, ä"], "10.0.0.1?"),
        ("10.0.0.1", &["198.51.100.7:65536"], "10.0.0.1?"),
        ("10.0.0.1", &["198.51.100.7:+80"], "10.0.0.1?"),
        ("10.0.0.1", &["198.51.100.07"], "10.0.0.1?"),
        ("10.0.0.1", &["198.51.100.7 10.0.0.2"], "10.0.0.1?"),
        ("10.0.0.1", &["[2001:db8::7"], "10.0.0.1?"),
        ("10.0.0.1", &["[198.51.100.7]"], "10.0.0.1?"),
        ("10.0.0.1", &["2001:db8::7]:80"], "10.0.0.1?"),
    ] {
        assert_eq!(found(ProxyHeader::XForwardedFor, peer, lines), client, "{peer} {lines:?}");
    }
}

#[test]
fn forwarded_is_read_with_its_quotes_from_the_right() {
    for (lines, client) in [
        (&["for=198.51.100.7"][..], "198.51.100.7"),
        (&["proto=https;FOR = 198.51.100.7 ;by=10.0.0.1"], "198.51.100.7"),
        (&[r#"for="[2001:db8::7]:4711";by=_edge"#], "2001:db8::7"),
        (&[r#"for="198.51.100.7:_port""#], "198.51.100.7"),
        (&[r#"for="[2001:db8:cafe::17]""#, "for=10.0.0.2"], "2001:db8:cafe::17"),
        (&[r#"host="a,b;for=10.9.9.9";for=198.51.100.7"#], "198.51.100.7"),
        (&[r#"for=198.51.100.7;host="a\",b", for=10.0.0.2"#], "198.51.100.7"),
        // A quote that the client leaves open takes nothing of what the proxy has appended.
        (&[r#"for=", for=198.51.100.7"#], "198.51.100.7"),
        (&[r#"for="10.6.6.6\", for="198.51.100.7""#], "198.51.100.7"),
        (&[r#"for=10.6.6.6;x=", for="198.51.100.7:80", for=10.0.0.2"#], "198.51.100.7"),
        // Hidden, missing, or said twice.
        (&["for=198.51.100.7, for=unknown"], "10.0.0.1?"),
        (&["for=198.51.100.7, for=_hidden, for=10.0.0.2"], "10.0.0.2?"),
        (&["for=198.51.100.7, proto=https"], "10.0.0.1?"),
        (&["for=198.51.100.7;for=203.0.113.9"], "10.0.0.1?"),
        (&["for=198.51.100.7;for=198.51.100.7"], "10.0.0.1?"),
        (&[r#"for="198.51.100.7"#], "10.0.0.1?"),
        (&["198.51.100.7"], "10.0.0.1?"),
        (&["for"], "10.0.0.1?"),
        (&[";;="], "10.0.0.1?"),
    ] {
        assert_eq!(found(ProxyHeader::Forwarded, "10.0.0.1", lines), client, "{lines:?}");
    }
}

#[test]
fn a_header_of_one_address_must_stand_alone() {
    for (peer, lines, client) in [
        ("10.0.0.1", &["198.51.100.7"][..], "198.51.100.7"),
        ("10.0.0.1", &["10.0.0.9"], "10.0.0.9"),
        ("192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7, 203.0.113.9"], "10.0.0.1?"),
        ("10.0.0.1", &["198.51.100.7", "198.51.100.7"], "10.0.0.1?"),
        ("10.0.0.1", &["nobody"], "10.0.0.1?"),
    ] {
        assert_eq!(found(named(), peer, lines), client, "{peer} {lines:?}");
    }
}

#[test]
fn only_the_header_that_was_asked_for_is_read() {
    let mut all = headers(&X_FORWARDED_FOR, &["198.51.100.1"]);
    all.extend(headers(&header::FORWARDED, &["for=198.51.100.2"]));
    all.extend(headers(&HeaderName::from_static("x-real-ip"), &["198.51.100.3"]));
    let by = |header| proxies(header).client_ip([10, 0, 0, 1].into(), &all).ip.to_string();
    assert_eq!(by(ProxyHeader::XForwardedFor), "198.51.100.1");
    assert_eq!(by(ProxyHeader::Forwarded), "198.51.100.2");
    assert_eq!(by(named()), "198.51.100.3");
    let none = Proxies::default().client_ip([10, 0, 0, 1].into(), &all);
    assert_eq!(none.ip, IpAddr::from([10, 0, 0, 1]));
}

#[test]
fn a_list_of_a_hundred_thousand_is_walked_once() {
    let trusted = "10.0.0.2,".repeat(100_000);
    let client = |line: &str| found(ProxyHeader::XForwardedFor, "10.0.0.1", &[line]);
    assert_eq!(client(&format!("198.51.100.7,{trusted}")), "198.51.100.7");
    let escaped = format!("{},{trusted}", "\\\"".repeat(100_000));
    assert_eq!(client(&escaped), "10.0.0.2?");
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0u8..3).prop_map(|n| IpAddr::from([10, 0, 0, n])),
        (0u8..3).prop_map(|n| IpAddr::from([198, 51, 100, n])),
        (0u16..3).prop_map(|n| IpAddr::from([0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, n])),
        (0u16..3).prop_map(|n| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])),
    ]
}

/// An address as it stands in a header, or something else. The other implementation cannot read an IPv6 address without
/// brackets, and takes an empty element for one that is no address.
fn node() -> impl Strategy<Value = String> {
    let bare = |ip: IpAddr| if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
    prop_oneof![
        6 => ip().prop_map(bare),
        3 => (ip(), 1u16..).prop_map(move |(ip, port)| format!("{}:{port}", bare(ip))),
        1 => prop_oneof![Just("unknown"), Just("_hidden"), Just("300.1.2.3")].prop_map(String::from),
    ]
}

fn check(
    header: ProxyHeader,
    name: &HeaderName,
    peer: IpAddr,
    lines: &[String],
) -> Result<(), TestCaseError> {
    let mut config = Config::new();
    match header {
        ProxyHeader::Forwarded => config.trust_forwarded(),
        _ => config.trust_x_forwarded_for(),
    }
    for network in &TRUSTED[..2] {
        config.add_trusted_ip(network).unwrap();
    }
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut request = http::Request::new(());
    *request.headers_mut() = headers(name, &lines);
    let theirs = Trusted::from(peer, &request, &config).ip();
    let proxies = proxies(header);
    let ours = proxies.client_ip(peer, request.headers());
    // Where something is no address, or all are trusted, theirs is the peer: the far end of the list that it has just
    // walked is forgotten. Ours is the last address that a trusted proxy has told.
    let is_client = !ours.is_nearest && !proxies.trusts(ours.ip);
    prop_assert_eq!(theirs, if is_client { ours.ip } else { peer });
    prop_assert!(is_client || proxies.trusts(ours.ip));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn another_implementation_finds_the_same_in_x_forwarded_for(
        peer in ip(),
        lines in prop::collection::vec(prop::collection::vec(node(), 1..5), 0..3),
    ) {
        let lines: Vec<_> = lines.iter().map(|line| line.join(", ")).collect();
        check(ProxyHeader::XForwardedFor, &X_FORWARDED_FOR, peer, &lines)?;
    }

    #[test]
    fn another_implementation_finds_the_same_in_forwarded(
        peer in ip(),
        lines in prop::collection::vec(prop::collection::vec((node(), any::<bool>(), any::<bool>()), 1..5), 0..3),
    ) {
        let element = |(node, is_quoted, has_more): &(String, bool, bool)| {
            let node = if *is_quoted || node.contains('[') { format!("\"{node}\"") } else { node.clone() };
            if *has_more { format!("proto=https;for={node};by=_edge") } else { format!("For={node}") }
        };
        let line = |line: &Vec<_>| line.iter().map(element).collect::<Vec<_>>().join(", ");
        let lines: Vec<_> = lines.iter().map(line).collect();
        check(ProxyHeader::Forwarded, &header::FORWARDED, peer, &lines)?;
    }

    #[test]
    fn no_line_brings_it_down(
        peer in ip(),
        lines in prop::collection::vec("[ -~\t]{0,40}|[\",;=\\\\for0-9.]{0,40}", 0..4),
    ) {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded, named()] {
            let client = found(header, &peer.to_string(), &lines);
            let is_believed = proxies(named()).trusts(peer);
            prop_assert!(is_believed || client == peer.to_string());
        }
    }
}
