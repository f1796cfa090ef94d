use proptest::prelude::*;

use super::*;

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "((for|host|proto|by|x)|=|=|;|,|\"|\\\\| |10\\.0\\.0\\.1|6\\.6\\.6\\.6|\\[::1\\]|:80|unknown|https|é){0,16}"
            .prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..60),
    ]
}

fn any_trust() -> impl Strategy<Value = TrustedProxies> {
    prop_oneof![
        (0..4usize).prop_map(hops),
        Just(ours()),
        Just(TrustedProxies::all()),
        Just(hops(usize::MAX))
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(
        trust in any_trust(),
        lines in prop::collection::vec((prop::sample::select(vec![F, FOR, HOST, PROTO, PORT]), any_line()), 0..6),
    ) {
        let of = |name| lines.iter().filter(move |(key, _)| *key == name).map(|(_, value)| &value[..]);
        for trust in [trust.clone(), trust.clone().forwarded_only(), trust.x_forwarded_only()] {
            let origin = resolve(&trust, of, Some(IpAddr::from([10, 0, 0, 2])));
            prop_assert!(origin.proto.is_none_or(|proto| proto == "http" || proto == "https"));
            prop_assert!(origin.host.as_deref().is_none_or(|host| split_host_port(host).is_some()));
        }
    }

    /// Whatever a client sends, it does not become another than our proxy says.
    #[test]
    fn a_client_cannot_lie(lies in prop::collection::vec(any_line(), 0..4), own_line: bool, quoted: bool) {
        for name in [F, FOR] {
            let truth: &[u8] = match (name, quoted) {
                (FOR, _) => b"192.0.2.1",
                (_, true) => b"for=\"192.0.2.1\"",
                _ => b"for=192.0.2.1",
            };
            let mut sent = lies.clone();
            match sent.last_mut() {
                Some(last) if !own_line => last.extend([b", ", truth].concat()),
                _ => sent.push(truth.to_vec()),
            }
            let lines = |asked| sent.iter().map(|line| &line[..]).filter(move |_| asked == name);
            for trust in [hops(1), ours()] {
                let client = resolve(&trust, lines, Some(IpAddr::from([10, 0, 0, 2]))).client;
                let told = client == Some((IpAddr::from([192, 0, 2, 1]), None));
                prop_assert!(told || (client.is_none() && name == F), "{client:?}");
                prop_assert!(told || !own_line);
            }
        }
    }
}
