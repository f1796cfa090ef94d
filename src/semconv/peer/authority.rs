//! An authority into host and port.

use std::net::Ipv6Addr;

/// The host and the port of an authority (RFC 3986 §3.2), a `Host` field (RFC 9110 §7.2) or a forwarded host.
///
/// Userinfo is dropped: the last `@` ends it. An IPv6 address loses its brackets; one without brackets is all host. A
/// port that is none (`:`, `:abc`, `:-1`, `:0`, `:99999`) is left out and the host kept.
///
/// `None` when there is no host, or it is no host: unclosed or misplaced brackets, several colons that are no IPv6
/// address, white space, control characters, or the delimiters of a URL.
pub(crate) fn split_host_port(authority: &str) -> Option<(&str, Option<u16>)> {
    plain(authority).or_else(|| general(authority))
}

/// The bytes of nearly all names, and of IPv4 addresses. A look-up costs a third of the comparisons.
#[allow(
    clippy::indexing_slicing,
    reason = "runs in the compiler, below the table's length"
)]
const IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] =
            matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_');
        byte += 1;
    }
    table
};

/// Nearly all there are, in one pass: a name or an IPv4 address of ASCII, with or without a valid port.
fn plain(authority: &str) -> Option<(&str, Option<u16>)> {
    let in_name = |byte: &u8| IN_NAME.get(usize::from(*byte)) == Some(&true);
    let end = authority.bytes().take_while(in_name).count();
    let (host, rest) = authority
        .split_at_checked(end)
        .filter(|(host, _)| !host.is_empty())?;
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(parse_port(port)?))),
        None => rest.is_empty().then_some((host, None)),
    }
}

fn general(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_port = match authority.rsplit_once('@') {
        Some((_, host_port)) => host_port,
        None => authority,
    };
    if let Some(bracketed) = host_port.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        let port = match after.strip_prefix(':') {
            Some(port) => parse_port(port),
            None if after.is_empty() => None,
            None => return None,
        };
        return is_ipv6(host).then_some((host, port));
    }
    match host_port.split_once(':') {
        None => is_host(host_port).then_some((host_port, None)),
        Some((_, port)) if port.contains(':') => is_ipv6(host_port).then_some((host_port, None)),
        Some((host, port)) => is_host(host).then(|| (host, parse_port(port))),
    }
}

/// Digits only, unlike [`str::parse`], which takes a `+`. Nothing listens on port 0.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    let number = text.bytes().try_fold(0u16, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u16::from(byte - b'0')),
        _ => None,
    });
    number.filter(|port| *port != 0)
}

/// An IPv6 address, with or without a zone (RFC 6874: `fe80::1%25eth0`; `fe80::1%eth0` is seen too).
fn is_ipv6(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => address.parse::<Ipv6Addr>().is_ok() && is_host(zone),
        None => text.parse::<Ipv6Addr>().is_ok(),
    }
}

/// No byte that would end a host or that no host has; Unicode is let through, save its spaces and controls.
fn is_host(text: &str) -> bool {
    let mut ascii = true;
    for byte in text.bytes() {
        match byte {
            0..=b' ' | 0x7f => return false,
            b'"' | b'#' | b'/' | b'<' | b'>' | b'?' | b'@' | b'[' | b'\\' | b']' | b'^' | b'`' => {
                return false;
            }
            b'{' | b'|' | b'}' => return false,
            0x80.. => ascii = false,
            _ => {}
        }
    }
    !text.is_empty() && (ascii || !text.chars().any(|c| c.is_control() || c.is_whitespace()))
}

#[cfg(test)]
mod tests;
