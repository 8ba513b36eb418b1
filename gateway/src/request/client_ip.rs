//! Client address: that of the peer, or what a trusted proxy says in `X-Forwarded-For`.

use std::net::IpAddr;

use http::HeaderMap;

use crate::config::ConfigError;

/// Networks whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<(IpAddr, u8)>);

impl TrustedProxies {
    pub(crate) fn parse(texts: &[String]) -> Result<Self, ConfigError> {
        let networks = texts.iter().map(|text| network(text).ok_or_else(|| ConfigError::NotANetwork(text.clone())));
        networks.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, bits)| same_network(*network, address, *bits))
    }

    /// The last address of the chain that is no proxy of ours: any client could have written what stands before it.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trusts(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

/// True for an address (`10.0.0.1`) and for a network (`10.0.0.0/8`).
pub fn is_network(text: &str) -> bool {
    network(text).is_some()
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u8>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(width);
    (bits <= width).then_some((address, bits))
}

fn same_network(network: IpAddr, address: IpAddr, bits: u8) -> bool {
    let prefix = |bytes: &[u8], other: &[u8]| {
        bytes.iter().zip(other).enumerate().all(|(i, (a, b))| {
            let used = usize::from(bits).saturating_sub(8 * i).min(8);
            used == 0 || (a ^ b) >> (8 - used) == 0
        })
    };
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => prefix(&a.octets(), &b.octets()),
        (IpAddr::V6(a), IpAddr::V6(b)) => prefix(&a.octets(), &b.octets()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use souk_rpc::subscriber;

    use super::*;

    fn client(trusted: &[&str], peer: &str, chain: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|t| (*t).to_owned()).collect();
        let mut headers = HeaderMap::new();
        for line in chain {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        TrustedProxies::parse(&trusted).unwrap().client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_proxies_of_ours_are_believed() {
        assert_eq!(client(&[], "9.9.9.9", &["1.2.3.4"]), "9.9.9.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4", "6.6.6.6 is made up");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &["1.2.3.4, 10.9.9.9"]), "1.2.3.4");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &["6.6.6.6", "1.2.3.4"]), "1.2.3.4");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &["nonsense"]), "10.1.2.3");
        assert_eq!(client(&["fd00::/8"], "fd00::1", &["2001:db8::5"]), "2001:db8::5");
    }

    #[test]
    fn networks_are_compared_by_their_bits() {
        let within = |net: &str, ip: &str| {
            let (network, bits) = network(net).unwrap();
            same_network(network, ip.parse().unwrap(), bits)
        };
        assert!(within("10.0.0.0/9", "10.127.0.1") && !within("10.0.0.0/9", "10.128.0.1"));
        assert!(within("0.0.0.0/0", "1.1.1.1") && !within("1.1.1.1", "1.1.1.2"));
        assert!(network("10.0.0.0/33").is_none() && network("x").is_none());
        assert_eq!(subscriber("::ffff:1.2.3.4".parse().unwrap()), "1.2.3.4".parse::<IpAddr>().unwrap());
        assert_eq!(subscriber("2001:db8::1:2:3:4".parse().unwrap()), "2001:db8::".parse::<IpAddr>().unwrap());
    }
}
