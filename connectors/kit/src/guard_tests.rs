use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn allowing(ranges: &[&str]) -> NetworkPolicy {
    let allow_private = ranges.iter().map(|range| range.parse().unwrap()).collect();
    NetworkPolicy { allow_loopback: false, allow_private }
}

#[test]
fn addresses_are_classified() {
    use AddressClass::{Loopback, Never, Private, Public};
    for (address, class) in [
        ("1.1.1.1", Public),
        ("9.255.255.255", Public),
        ("11.0.0.0", Public),
        ("100.63.255.255", Public),
        ("100.128.0.0", Public),
        ("172.15.255.255", Public),
        ("172.32.0.0", Public),
        ("192.0.1.0", Public),
        ("198.17.255.255", Public),
        ("198.20.0.0", Public),
        ("223.255.255.255", Public),
        ("127.0.0.1", Loopback),
        ("127.255.255.254", Loopback),
        ("0.0.0.1", Private),
        ("10.0.0.1", Private),
        ("100.64.0.1", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("192.0.0.8", Private),
        ("192.0.2.1", Private),
        ("192.88.99.1", Private),
        ("192.168.1.1", Private),
        ("198.18.0.1", Private),
        ("198.19.255.255", Private),
        ("198.51.100.7", Private),
        ("203.0.113.7", Private),
        ("240.0.0.1", Private),
        ("0.0.0.0", Never),
        ("169.254.169.254", Never),
        ("169.254.0.1", Never),
        ("224.0.0.1", Never),
        ("239.255.255.255", Never),
        ("255.255.255.255", Never),
        ("100.100.100.200", Never),
        ("168.63.129.16", Never),
        ("2606:4700:4700::1111", Public),
        ("2001:4860:4860::8888", Public),
        ("2a00:1450::1", Public),
        ("::1", Loopback),
        ("fc00::1", Private),
        ("fd12:3456::1", Private),
        ("fec0::1", Private),
        ("2001::1", Private),
        ("2001:20::1", Private),
        ("2001:db8::1", Private),
        ("3fff::1", Private),
        ("2002:0808:0808::1", Private),
        ("64:ff9b::8.8.8.8", Private),
        ("64:ff9b:1::1", Private),
        ("100::1", Private),
        ("5f00::1", Private),
        ("::8.8.8.8", Private),
        ("::", Never),
        ("fe80::1", Never),
        ("ff02::1", Never),
        ("fd00:ec2::254", Never),
        ("64:ff9b::169.254.169.254", Never),
        ("2002:a9fe:a9fe::1", Never),
        ("::169.254.169.254", Never),
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:10.0.0.1", Private),
        ("::ffff:169.254.169.254", Never),
        ("::ffff:1.1.1.1", Public),
    ] {
        assert_eq!(classify(ip(address)), class, "{address}");
    }
}

#[test]
fn an_allow_list_opens_what_it_names_and_never_metadata() {
    let everything = allowing(&["0.0.0.0/0", "::/0"]);
    assert!(everything.permits(ip("10.0.0.1")));
    assert!(everything.permits(ip("127.0.0.1")));
    assert!(everything.permits(ip("fd12::1")));
    for never in
        ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0", "ff02::1"]
    {
        assert!(!everything.permits(ip(never)), "{never}");
    }
    let office = allowing(&["10.1.0.0/16"]);
    assert!(office.permits(ip("10.1.255.255")));
    assert!(office.permits(ip("::ffff:10.1.0.1")));
    assert!(!office.permits(ip("10.2.0.0")));
    assert!(!office.permits(ip("127.0.0.1")));
    assert!(NetworkPolicy::with_loopback().permits(ip("127.0.0.1")));
    assert!(NetworkPolicy::with_loopback().permits(ip("::1")));
    assert!(!NetworkPolicy::with_loopback().permits(ip("10.0.0.1")));
}

#[test]
fn urls_are_checked_before_any_resolver_is_asked() {
    let check = |url: &str| {
        let url = url::Url::parse(url).unwrap();
        NetworkPolicy::default().check_url(&url).map_err(|blocked| blocked.to_string())
    };
    assert_eq!(check("https://api.example.com/x"), Ok(()));
    assert_eq!(check("http://1.1.1.1/"), Ok(()));
    assert_eq!(check("file:///etc/passwd").unwrap_err(), "`file` is neither http nor https");
    assert!(check("ftp://example.com").is_err());
    assert!(check("https://user@example.com").unwrap_err().contains("user name or password"));
    assert!(check("https://:pass@example.com").is_err());
    assert_eq!(
        check("http://169.254.169.254/latest").unwrap_err(),
        "169.254.169.254 is 169.254.169.254, an address for machines' own use: \
         no configuration permits it"
    );
    // Every way a URL can write 127.0.0.1 is read as that address.
    for loopback in [
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1]/",
        "http://127.0.0.1./",
        "http://127。0。0。1/",
    ] {
        assert!(check(loopback).unwrap_err().contains("allow_loopback"), "{loopback}");
    }
}

#[test]
fn the_filter_keeps_what_is_permitted_and_says_why_nothing_is_left() {
    let sockets = |texts: &[&str]| -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(ip(text), 0)).collect()
    };
    let policy = NetworkPolicy::default();
    let mixed = policy.filter("crm.example.com", sockets(&["10.0.0.1", "1.1.1.1"])).unwrap();
    assert_eq!(mixed, sockets(&["1.1.1.1"]));
    let none = policy.filter("crm.example.com", sockets(&["10.0.0.1"])).unwrap_err();
    assert_eq!(
        none.to_string(),
        "crm.example.com is 10.0.0.1, not a public address: \
         allow_private would permit it, if that network is meant"
    );
    let nothing = policy.filter("crm.example.com", []).unwrap_err();
    assert_eq!(nothing.to_string(), "crm.example.com has no address");
}

#[tokio::test]
async fn the_resolver_drops_what_the_policy_forbids() {
    let resolve = |policy| {
        let resolver = FilteringResolver::new(policy);
        resolver.resolve("localhost".parse().unwrap())
    };
    let error = resolve(NetworkPolicy::default()).await.err().unwrap();
    assert!(error.downcast_ref::<Blocked>().is_some(), "{error}");
    let found = resolve(NetworkPolicy::with_loopback()).await.unwrap();
    assert!(found.count() > 0);
}

#[test]
fn ranges_are_read_and_shown() {
    for (text, shown) in
        [("10.1.0.0/16", "10.1.0.0/16"), ("192.168.7.9", "192.168.7.9/32"), ("::/0", "::/0")]
    {
        assert_eq!(text.parse::<Cidr>().unwrap().to_string(), shown);
    }
    for wrong in ["", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "example.com", "10.0.0.0/8/8"] {
        assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn writing_v4_as_v6_changes_nothing(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        prop_assert_eq!(classify(v4.into()), classify(v4.to_ipv6_mapped().into()));
    }

    #[test]
    fn without_an_allow_list_only_public_addresses_pass(bits in any::<u128>()) {
        let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
        let public = classify(address) == AddressClass::Public;
        prop_assert_eq!(NetworkPolicy::default().permits(address), public);
    }

    #[test]
    fn tunnels_to_private_addresses_are_never_public(bits in any::<u32>()) {
        let [a, b] = [(bits >> 16) as u16, bits as u16];
        for tunnel in [
            Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
        ] {
            prop_assert!(!NetworkPolicy::default().permits(tunnel.into()));
        }
    }

    #[test]
    fn a_range_holds_its_own_and_nothing_beyond(bits in any::<u32>(), prefix in 1_u8..=32) {
        let range: Cidr = format!("{}/{prefix}", Ipv4Addr::from_bits(bits)).parse().unwrap();
        prop_assert!(range.contains(Ipv4Addr::from_bits(bits).into()));
        let outside = bits ^ (1 << (32 - prefix));
        prop_assert!(!range.contains(Ipv4Addr::from_bits(outside).into()));
    }

    #[test]
    fn any_text_is_a_range_or_an_error(text in ".{0,30}") {
        if let Ok(range) = text.parse::<Cidr>() {
            prop_assert_eq!(range.to_string().parse::<Cidr>(), Ok(range));
        }
    }
}
