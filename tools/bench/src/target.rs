//! Load target: where the load goes. Loopback only: a load generator that can be pointed at a stranger's machine is a
//! weapon, and figures over a network say more about the network than about the shop.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, bail, ensure};
use tokio_postgres::config::Host;

/// An HTTP server on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// What the `Host` header says.
    pub authority: String,
}

impl Target {
    /// Parses `http://127.0.0.1:8080` and resolves its host.
    ///
    /// # Errors
    /// Not `http`, a host that has an address beyond loopback, no such host.
    pub async fn parse(url: &str) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("{url}: the bench speaks plain HTTP to this machine; give http://127.0.0.1:PORT")
        };
        let authority = rest.trim_end_matches('/');
        ensure!(
            !authority.is_empty() && !authority.contains(['/', '@', '?']),
            "{url}: give scheme, host and port only"
        );
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let with_port = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        let found = tokio::net::lookup_host(&with_port).await.with_context(|| format!("{url}: no such host"))?;
        let addresses: Vec<SocketAddr> = found.collect();
        let Some(first) = addresses.first() else { bail!("{url}: no such host") };
        if let Some(foreign) = addresses.iter().find(|address| !address.ip().is_loopback()) {
            bail!("{url} is {}: the bench loads only shops on this machine (127.0.0.0/8 or [::1])", foreign.ip());
        }
        Ok(Self { address: *first, authority: authority.to_owned() })
    }

    /// The server at `address`.
    ///
    /// # Errors
    /// Not a loopback address.
    pub fn at(address: SocketAddr) -> anyhow::Result<Self> {
        ensure!(address.ip().is_loopback(), "{address}: the bench loads only this machine");
        Ok(Self { address, authority: address.to_string() })
    }
}

/// Refuses a database that is not on this machine: the bench reads all of it and loads it with pgbench.
///
/// # Errors
/// Not a URL of PostgreSQL, or one of another machine.
pub fn local_database(url: &str) -> anyhow::Result<tokio_postgres::Config> {
    let config = souk_db::driver_config(url)?;
    let is_local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) if name == "localhost" => true,
        Host::Tcp(name) => name.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
    };
    // Where there is an address, too (`hostaddr`), the driver connects to that, whatever the host is called.
    let local = config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    ensure!(local, "the database is not on this machine: the bench takes a socket's directory or a loopback address");
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_this_machine_is_loaded() {
        let fine = Target::parse("http://127.0.0.1:8080/").await.unwrap();
        assert_eq!(fine.address.to_string(), "127.0.0.1:8080");
        assert_eq!(fine.authority, "127.0.0.1:8080");
        assert!(Target::parse("http://[::1]:9").await.is_ok());
        for (url, reason) in [
            ("http://192.0.2.1:80", "192.0.2.1: the bench loads only"),
            ("http://0.0.0.0:80", "only shops on this machine"),
            ("http://[2001:db8::1]:80", "only shops on this machine"),
            ("http://127.0.0.1@192.0.2.1:80", "scheme, host and port only"),
            ("https://127.0.0.1:8080", "plain HTTP"),
            ("127.0.0.1:8080", "plain HTTP"),
            ("http://127.0.0.1:80/p/x", "scheme, host and port only"),
        ] {
            let error = format!("{:#}", Target::parse(url).await.unwrap_err());
            assert!(error.contains(reason), "{url}: {error}");
        }
    }

    #[test]
    fn only_this_machines_database_is_read() {
        for url in [
            "postgresql://u@%2Frun%2Fpg:5432/d",
            "postgres://u@127.0.0.1/d",
            "postgresql://u@localhost/d?hostaddr=127.0.0.1&sslmode=disable",
        ] {
            assert!(local_database(url).is_ok(), "{url}");
        }
        for url in [
            "postgresql://u:secret@192.0.2.1/d",
            "postgresql://u:secret@%2Frun,192.0.2.1/d",
            "postgresql://u:secret@localhost/d?hostaddr=192.0.2.1",
        ] {
            let error = format!("{:#}", local_database(url).unwrap_err());
            assert!(error.contains("not on this machine") && !error.contains("secret"), "{error}");
        }
        let error = local_database("host=/run/pg user=u password=secret").unwrap_err().to_string();
        assert!(error.contains("postgresql://") && !error.contains("secret"), "{error}");
    }
}
