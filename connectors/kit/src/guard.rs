//! The guard against calls into private networks (SSRF).
//!
//! An address is judged where it is used: the filter sits in the resolver, so
//! what was checked is what is connected to, and a name that changes its
//! address between check and use gains nothing. Hosts that are literal
//! addresses never reach a resolver and are checked before the request.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where calls may go besides the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// This machine itself: for fakes and proxies beside the service.
    pub allow_loopback: bool,
    /// Private networks, for a CRM on the company's own network.
    pub allow_private: Vec<Cidr>,
}

/// A range of addresses, written `10.1.0.0/16` or `fd12::/16`; an address alone
/// is a range of one.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// Why a call may not go where it was going.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Neither http nor https.
    #[error("`{0}` is neither http nor https")]
    Scheme(String),
    /// A name or password stands in the address.
    #[error("the URL holds a user name or password: put it into the connection's secrets")]
    UserInfo,
    /// No host.
    #[error("the URL has no host")]
    NoHost,
    /// Every address of the host is out of bounds. The first one is named.
    #[error("{host} is {address}, {class}: {}", class.hint())]
    Address {
        /// The host as written.
        host: String,
        /// The address.
        address: IpAddr,
        /// What is wrong with it.
        class: AddressClass,
    },
    /// The host has no address at all.
    #[error("{0} has no address")]
    NoAddress(String),
}

/// What sort of place an address is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// On the public internet.
    Public,
    /// This machine.
    Loopback,
    /// A private, shared, documentation, tunnelled or otherwise non-public range.
    Private,
    /// Cloud metadata, link-local, multicast, unspecified: no configuration opens these.
    Never,
}

impl AddressClass {
    fn hint(self) -> &'static str {
        match self {
            AddressClass::Loopback => "allow_loopback would permit it",
            AddressClass::Private => "allow_private would permit it, if that network is meant",
            AddressClass::Public | AddressClass::Never => "no configuration permits it",
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressClass::Public => "a public address",
            AddressClass::Loopback => "this machine itself",
            AddressClass::Private => "not a public address",
            AddressClass::Never => "an address for machines' own use",
        })
    }
}

impl NetworkPolicy {
    /// The public internet and this machine: for tests and fakes.
    #[must_use]
    pub fn with_loopback() -> Self {
        NetworkPolicy { allow_loopback: true, ..NetworkPolicy::default() }
    }

    /// Whether a call may connect to this address.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match classify(address) {
            AddressClass::Public => true,
            AddressClass::Never => false,
            AddressClass::Loopback => self.allow_loopback || self.is_listed(address),
            AddressClass::Private => self.is_listed(address),
        }
    }

    /// Checks all of a URL that can be known without asking a resolver.
    ///
    /// # Errors
    /// [`Blocked`], by what is wrong.
    pub fn check_url(&self, url: &url::Url) -> Result<(), Blocked> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Blocked::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Blocked::UserInfo);
        }
        let literal: IpAddr = match url.host() {
            None => return Err(Blocked::NoHost),
            Some(url::Host::Domain(_)) => return Ok(()),
            Some(url::Host::Ipv4(address)) => address.into(),
            Some(url::Host::Ipv6(address)) => address.into(),
        };
        if self.permits(literal) { Ok(()) } else { Err(blocked(&literal.to_string(), literal)) }
    }

    /// Keeps the addresses that a call may connect to.
    ///
    /// # Errors
    /// [`Blocked`] when none is left.
    pub fn filter(
        &self,
        host: &str,
        found: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Blocked> {
        let (kept, dropped): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|address| self.permits(address.ip()));
        match (kept.is_empty(), dropped.first()) {
            (false, _) => Ok(kept),
            (true, Some(first)) => Err(blocked(host, first.ip())),
            (true, None) => Err(Blocked::NoAddress(host.to_owned())),
        }
    }

    fn is_listed(&self, address: IpAddr) -> bool {
        self.allow_private.iter().any(|range| range.contains(address))
    }
}

fn blocked(host: &str, address: IpAddr) -> Blocked {
    let class = classify(address);
    Blocked::Address { host: host.to_owned(), address, class }
}

/// What sort of place this address is. IPv4 addresses written as IPv6 count as IPv4.
#[must_use]
pub fn classify(address: IpAddr) -> AddressClass {
    match address.to_canonical() {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    // Link-local holds the metadata service of most clouds (169.254.169.254);
    // the two others are those of Alibaba Cloud and Azure.
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        _ if address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_unspecified()
            || address == Ipv4Addr::new(100, 100, 100, 200)
            || address == Ipv4Addr::new(168, 63, 129, 16) =>
        {
            AddressClass::Never
        }
        (127, _, _) => AddressClass::Loopback,
        (0 | 10 | 240..=255, _, _)
        | (100, 64..=127, _)
        | (172, 16..=31, _)
        | (192, 168, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => AddressClass::Private,
        _ => AddressClass::Public,
    }
}

/// The metadata service of Amazon's cloud over IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if address.is_loopback() {
        return AddressClass::Loopback;
    }
    if address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address == METADATA_V6
    {
        return AddressClass::Never;
    }
    // An allow-list must not open a side door: what tunnels lead to counts too.
    if let Some(inner) = tunnelled_v4(address) {
        let inner = classify_v4(inner);
        let is_never = inner == AddressClass::Never;
        return if is_never { AddressClass::Never } else { AddressClass::Private };
    }
    // Only 2000::/3 is given out for the public internet (RFC 4291). Outside it
    // are ::/96, 64:ff9b:1::/48, 100::/64, fc00::/7, fec0::/10 (site-local).
    let [a, b, ..] = address.segments();
    let is_special = matches!(
        (a, b),
        // 2001::/23 for protocols, Teredo among them; two ranges for documentation.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff)
    );
    if (0x2000..=0x3fff).contains(&a) && !is_special {
        AddressClass::Public
    } else {
        AddressClass::Private
    }
}

/// The IPv4 address inside one of NAT64 (64:ff9b::/96), 6to4 (2002::/16), or
/// the deprecated IPv4-compatible form (::/96).
fn tunnelled_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let (high, low) = match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Some(Ipv4Addr::new(a, b, c, d))
}

impl Cidr {
    /// Whether the range holds this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Why a text is not a [`Cidr`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a range of addresses; write it like 10.1.0.0/16 or fd12::/16")]
pub struct NotACidr(String);

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Self, NotACidr> {
        let wrong = || NotACidr(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if network.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse::<u8>).map_err(|_| wrong())?;
        if prefix > bits {
            return Err(wrong());
        }
        Ok(Cidr { network, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// The system's resolver, with what the policy forbids taken out of its answers.
#[derive(Clone, Debug)]
pub(crate) struct FilteringResolver {
    policy: NetworkPolicy,
}

impl FilteringResolver {
    pub(crate) fn new(policy: NetworkPolicy) -> Self {
        FilteringResolver { policy }
    }
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy.clone();
        Box::pin(async move {
            // Port 0: reqwest puts in the URL's own.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept = policy.filter(name.as_str(), found)?;
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
