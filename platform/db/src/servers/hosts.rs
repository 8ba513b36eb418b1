//! Host list of a URL, split into single servers: the driver takes such a list, but it waits for the first before it tries
//! the second, and takes the first that lets itself be written to.

use tokio_postgres::{
    Config,
    config::{Host, TargetSessionAttrs},
};

use crate::{
    DbError,
    connect_options::{ConnectOptions, URL_FORM},
};

/// One server, and how to reach it with the login of its URL.
#[derive(Clone)]
pub(crate) struct Server {
    /// `host:port`, as it is shown and told apart.
    pub(crate) name: String,
    pub(crate) options: ConnectOptions,
    /// Named among those that may be the primary.
    pub(crate) may_write: bool,
    /// Named among those that are read from while they are standbys.
    pub(crate) may_read: bool,
}

/// The servers of `url`, which may become primary, and those of `replicas`, which are read from. One in both is one server.
pub(crate) fn servers(url: &str, replicas: &[String]) -> Result<Vec<Server>, DbError> {
    let primary = ConnectOptions::from_url(url)?;
    let mut servers = split(&primary);
    if servers.is_empty() {
        return Err(DbError::Other("the database URL names no host".into()));
    }
    servers.iter_mut().for_each(|server| server.may_write = true);
    for replica in replicas {
        for mut found in split(&options_of(replica, &primary)?) {
            found.may_read = true;
            match servers.iter_mut().find(|known| known.name == found.name) {
                Some(known) => known.may_read = true,
                None => servers.push(found),
            }
        }
    }
    Ok(servers)
}

/// A URL of its own, or `host` or `host:port` with everything else as in the primary's.
fn options_of(text: &str, primary: &ConnectOptions) -> Result<ConnectOptions, DbError> {
    if text.contains("://") {
        return ConnectOptions::from_url(text);
    }
    // Not repeated: what is neither may be anything, a text with a password too.
    let wrong = || DbError::Other(format!("a replica is written {URL_FORM}, or host:port"));
    if text.contains(['=', ' ']) {
        return Err(wrong());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().map_err(|_| wrong())?),
        None => (text, DEFAULT_PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(wrong());
    }
    let mut driver = without_hosts(&primary.driver);
    driver.host(host).port(port);
    Ok(ConnectOptions { driver, tls: primary.tls.clone() })
}

const DEFAULT_PORT: u16 = 5432;

/// One server per host.
fn split(options: &ConnectOptions) -> Vec<Server> {
    let config = &options.driver;
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let mut servers = Vec::new();
    for at in 0..hosts.len().max(addresses.len()) {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
        let mut driver = without_hosts(config);
        let mut name = addresses.get(at).map(ToString::to_string).unwrap_or_default();
        match hosts.get(at) {
            Some(Host::Tcp(host)) => {
                driver.host(host);
                name = host.clone();
            }
            Some(Host::Unix(path)) => {
                driver.host_path(path);
                name = path.display().to_string();
            }
            None => {}
        }
        if let Some(address) = addresses.get(at) {
            driver.hostaddr(*address);
        }
        driver.port(port);
        let options = ConnectOptions { driver, tls: options.tls.clone() };
        servers.push(Server { name: format!("{name}:{port}"), options, may_write: false, may_read: false });
    }
    servers
}

/// The same login and settings, for nowhere yet.
fn without_hosts(config: &Config) -> Config {
    let mut copy = Config::new();
    config.get_user().map(|user| copy.user(user));
    config.get_password().map(|password| copy.password(password));
    config.get_dbname().map(|name| copy.dbname(name));
    config.get_options().map(|options| copy.options(options));
    config.get_application_name().map(|name| copy.application_name(name));
    config.get_connect_timeout().map(|timeout| copy.connect_timeout(*timeout));
    config.get_tcp_user_timeout().map(|timeout| copy.tcp_user_timeout(*timeout));
    config.get_keepalives_interval().map(|interval| copy.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| copy.keepalives_retries(retries));
    copy.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts())
        // Which one is the primary is found out here, not by the driver.
        .target_session_attrs(TargetSessionAttrs::Any);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_become_servers_and_replicas_inherit_the_login() {
        let url = "postgresql://u:p@a:1,b:2/shop?application_name=x";
        let found = servers(url, &["b:2".into(), "c".into(), "postgresql://w@d:9/shop".into()]).unwrap();
        let told: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.may_write, s.may_read)).collect();
        let told_right = [("a:1", true, false), ("b:2", true, true), ("c:5432", false, true), ("d:9", false, true)];
        assert_eq!(told, told_right);
        assert_eq!(found[2].options.driver.get_user(), Some("u"));
        assert_eq!(found[2].options.driver.get_password(), Some(&b"p"[..]));
        assert_eq!(found[2].options.driver.get_dbname(), Some("shop"));
        assert_eq!(found[3].options.driver.get_user(), Some("w"));
        assert!(
            found.iter().all(|s| s.options.driver.get_hosts().len() == 1 && s.options.driver.get_ports().len() == 1)
        );
    }

    #[test]
    fn sockets_are_servers_too_and_nonsense_is_refused() {
        let found = servers("postgresql://u@%2Frun%2Fa,%2Frun%2Fb/shop", &[]).unwrap();
        assert_eq!(found.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["/run/a:5432", "/run/b:5432"]);
        for wrong in ["", ":5", "host:port", "host=b user=u password=p"] {
            assert!(servers("postgresql://u@a/shop", &[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
