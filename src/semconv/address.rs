//! The text of an IP address, once for the attributes that share it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use smallvec::SmallVec;

/// `192.0.2.7`, `2001:db8::1`; an IPv4 address that is mapped into IPv6 is IPv4.
pub(crate) fn text(address: IpAddr) -> Arc<str> {
    match address.to_canonical() {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => address.to_string().into(),
    }
}

/// By hand: the standard library's formatter would be one of the dearest steps of a recorded request.
fn v4(address: Ipv4Addr) -> Arc<str> {
    let mut text = SmallVec::<[u8; 15]>::new();
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push(b'.');
        }
        if octet >= 100 {
            text.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            text.push(b'0' + octet / 10 % 10);
        }
        text.push(b'0' + octet % 10);
    }
    str::from_utf8(&text).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for octet in 0..=u8::MAX {
            let address = Ipv4Addr::new(octet, 0, octet.wrapping_add(1), octet.wrapping_mul(7));
            assert_eq!(*text(address.into()), address.to_string());
        }
        assert_eq!(
            *text([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
            *"2001:db8::1"
        );
        let mapped = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped();
        assert_eq!(*text(mapped.into()), *"192.0.2.7");
    }
}
