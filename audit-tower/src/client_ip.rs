//! The client's address: that of the connection, or what proxies that are trusted say of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, header};
use ipnet::{IpNet, Ipv4Net};

/// The header in which trusted proxies say for whom they ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: a list, to which each proxy appends the address that it was asked from.
    #[default]
    XForwardedFor,
    /// `Forwarded`, by RFC 7239: the same, as the parameter `for`.
    Forwarded,
    /// A header of one address, such as `X-Real-IP` or `CF-Connecting-IP`, which the proxy overwrites.
    Named(HeaderName),
}

/// The proxies that are believed, and what they are asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    pub(crate) header: ProxyHeader,
}

/// What is known of the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientIp {
    pub(crate) ip: IpAddr,
    /// A trusted proxy has said something that is no address: this is the last one that is known, and nearer to here
    /// than the client.
    pub(crate) is_nearest: bool,
}

impl Proxies {
    pub(crate) fn trust(&mut self, networks: impl IntoIterator<Item = IpNet>) {
        self.trusted.extend(networks.into_iter().map(canonical));
    }

    /// Whoever can connect can send any header. So the list is read from its right end, which the peer has written,
    /// and each address in it tells who has written the one to its left, as far as they are trusted.
    pub(crate) fn client_ip(&self, peer: IpAddr, headers: &HeaderMap) -> ClientIp {
        let mut client = ClientIp { ip: peer.to_canonical(), is_nearest: false };
        if !self.trusts(client.ip) {
            return client;
        }
        let name = match &self.header {
            ProxyHeader::XForwardedFor => &X_FORWARDED_FOR,
            ProxyHeader::Forwarded => &header::FORWARDED,
            ProxyHeader::Named(name) => name,
        };
        let read = match &self.header {
            ProxyHeader::Forwarded => forwarded_for,
            _ => address,
        };
        let hops = || {
            let lines = headers.get_all(name).iter().rev();
            lines.flat_map(|line| elements(line.as_bytes()))
        };
        if matches!(self.header, ProxyHeader::Named(_)) && hops().nth(1).is_some() {
            // It was not overwritten, so that nobody knows who has written what.
            return ClientIp { is_nearest: true, ..client };
        }
        let mut hops = hops();
        while self.trusts(client.ip)
            && let Some(hop) = hops.next()
        {
            match read(hop) {
                Some(ip) => client.ip = ip.to_canonical(),
                None => {
                    client.is_nearest = true;
                    break;
                }
            }
        }
        client
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&ip))
    }
}

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses are compared in their canonical form, so networks are, too.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    match mapped.map(|(address, length)| Ipv4Net::new(address, length)) {
        Some(Ok(v4)) => v4.into(),
        _ => network,
    }
}

/// The elements of a list in a header's line, from its right end; empty ones are none (RFC 9110, section 5.6.1).
///
/// Quotes are paired from the right as well: what stands further left may have been sent by anybody, and an open
/// quote in it must not swallow what a proxy has appended.
fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (left, element) = split_last(line, b',');
        rest = left;
        Some(element.trim_ascii())
    })
    .filter(|element| !element.is_empty())
}

/// Splits at the last separator outside of quotes.
fn split_last(text: &[u8], separator: u8) -> (Option<&[u8]>, &[u8]) {
    let mut is_quoted = false;
    let mut end = text.len();
    while let Some((&byte, before)) = text.get(..end).and_then(<[u8]>::split_last) {
        end = before.len();
        if byte == b'"' {
            let backslashes = before.iter().rev().take_while(|&&byte| byte == b'\\').count();
            // Within quotes a backslash takes the meaning of what follows it.
            if !is_quoted || backslashes.is_multiple_of(2) {
                is_quoted = !is_quoted;
            }
        } else if byte == separator && !is_quoted {
            return (Some(before), text.get(before.len().saturating_add(1)..).unwrap_or_default());
        }
    }
    (None, text)
}

/// The parameter `for` of an element of `Forwarded`, of which there must be one.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut rest = Some(element);
    let mut found = None;
    while let Some(text) = rest {
        let (left, parameter) = split_last(text, b';');
        rest = left;
        let mut parts = parameter.splitn(2, |&byte| byte == b'=');
        let name = parts.next().unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"for") {
            let value = parts.next().unwrap_or_default().trim_ascii();
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    let value = found?;
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    address(quoted.unwrap_or(value))
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
/// Names (`unknown`, `_hidden`) are none.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address: Ipv6Addr = address.parse().ok()?;
        return is_port.then_some(address.into());
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (address, port) = text.split_once(':')?;
    let address: Ipv4Addr = address.parse().ok()?;
    is_port(port).then_some(address.into())
}

/// A port, or a name in its place: RFC 7239, section 6.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => {
            let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !name.is_empty() && name.bytes().all(of_name)
        }
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests;
