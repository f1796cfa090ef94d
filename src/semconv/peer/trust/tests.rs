use proptest::prelude::*;

use super::*;

fn contains(network: &str, address: &str) -> bool {
    Network::parse(network)
        .unwrap()
        .contains(address.parse().unwrap())
}

#[test]
fn networks_contain_their_addresses() {
    for (network, address, wanted) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.1.2.3/8", "10.9.9.9", true),
        (" 10.0.0.0/8 ", "10.0.0.1", true),
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.0", false),
        ("192.0.2.1/32", "192.0.2.0", false),
        ("192.0.2.0/31", "192.0.2.1", true),
        ("192.0.2.0/31", "192.0.2.2", false),
        ("0.0.0.0/0", "255.1.2.3", true),
        ("0.0.0.0/0", "::1", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("::ffff:10.0.0.0/104", "10.0.0.1", true),
        ("::ffff:10.0.0.0/104", "11.0.0.1", false),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("::1/128", "::1", true),
        ("::1/128", "::2", false),
        ("::1", "::2", false),
        ("fd00::/8", "fdff::1", true),
        ("fd00::/8", "fe00::1", false),
        ("::/0", "fe00::1", true),
        ("::/0", "10.0.0.1", false),
        ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false),
    ] {
        assert_eq!(contains(network, address), wanted, "{address} in {network}");
    }
}

#[test]
fn bad_networks_are_named() {
    for text in [
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "10.0.0.0/ 8",
        "010.0.0.0/8",
        "::1/129",
        "[::1]/128",
        "localhost",
        "10.0.0.0/99999999999999",
        "10.0.0.0/255.0.0.0",
        "fe80::1%eth0",
    ] {
        let error = TrustedProxies::networks(["10.0.0.0/8", text]).unwrap_err();
        assert_eq!(error.text(), text);
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        assert!(error.source().is_none());
    }
}

#[test]
fn the_default_trusts_nobody() {
    let default = TrustedProxies::default();
    assert!(matches!(default.policy, Policy::None) && default.families == Families::Both);
    assert!(matches!(TrustedProxies::none().policy, Policy::None));
    assert!(matches!(TrustedProxies::hops(0).policy, Policy::None));
}

proptest! {
    #[test]
    fn any_text_is_a_network_or_an_error(text in "[0-9a-f:./]{0,20}|\\PC{0,20}", address: IpAddr) {
        if let Some(network) = Network::parse(&text) {
            prop_assert!(network.contains(network.base));
            network.contains(address);
        }
    }

    #[test]
    fn a_network_is_its_leading_bits(base: u32, other: u32, prefix in 0..=32u32) {
        let (base, other) = (std::net::Ipv4Addr::from_bits(base), std::net::Ipv4Addr::from_bits(other));
        let same = (0..prefix).all(|bit| (base.to_bits() ^ other.to_bits()) >> (31 - bit) & 1 == 0);
        let network = Network::parse(&format!("{base}/{prefix}")).unwrap();
        prop_assert_eq!(network.contains(other.into()), same);
        let mapped = Network::parse(&format!("{}/{}", base.to_ipv6_mapped(), prefix + 96)).unwrap();
        prop_assert_eq!(mapped.contains(other.into()), same);
    }
}
