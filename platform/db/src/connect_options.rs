//! Connect options, parsed from a URL: what the driver understands, and TLS, which it leaves to others.

use std::{path::Path, time::Duration};

use tokio_postgres::{Client, Config, Connection, Socket, config::SslMode};

use crate::{
    DbError,
    tls::{Stream, Tls},
};

/// A server whose machine is gone says nothing at all: after this long without an acknowledgement the connection counts
/// as broken. The same time passes before an idle one is asked, and again before it is given up.
const SILENCE: Duration = Duration::from_secs(9);

/// A server that does not answer a connect within this is treated as gone.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a URL looks like, in messages. A path to a socket's directory is a host whose slashes are written `%2F`.
pub(crate) const URL_FORM: &str = "postgresql://user:password@host:port/database";

/// How to reach a server, or one of several.
#[derive(Clone)]
pub(crate) struct ConnectOptions {
    pub(crate) driver: Config,
    pub(crate) tls: Tls,
}

impl ConnectOptions {
    /// Parses a URL and adds what every connection of ours has.
    ///
    /// `sslmode=verify-full` asks for TLS; `require` and `verify-ca` are taken for the same. `sslrootcert` names the
    /// authorities.
    pub(crate) fn from_url(url: &str) -> Result<Self, DbError> {
        let (mut driver, asked) = parse(url)?;
        let tls = match asked.mode.as_deref() {
            // The driver sees a question mark where we saw another: one of a password, say.
            None if driver.get_ssl_mode() == SslMode::Require => {
                return Err(wrong("a question mark before the parameters must be written %3F".into()));
            }
            None | Some("disable" | "allow" | "prefer") => {
                driver.ssl_mode(SslMode::Disable);
                Tls::default()
            }
            Some("require" | "verify-ca" | "verify-full") => {
                driver.ssl_mode(SslMode::Require);
                Tls::verified(asked.authorities.as_deref().map(Path::new))?
            }
            Some(other) => return Err(wrong(format!("sslmode={other}: disable or verify-full, please"))),
        };
        if driver.get_connect_timeout().is_none() {
            driver.connect_timeout(CONNECT_TIMEOUT);
        }
        if driver.get_tcp_user_timeout().is_none() {
            driver.tcp_user_timeout(SILENCE);
        }
        if driver.get_keepalives_interval().is_none() {
            driver.keepalives_idle(SILENCE).keepalives_interval(SILENCE / 3).keepalives_retries(3);
        }
        Ok(Self { driver, tls })
    }

    /// Connects; no task drives the connection yet.
    pub(crate) async fn connect(&self) -> Result<(Client, Connection<Socket, Stream>), tokio_postgres::Error> {
        self.driver.connect(self.tls.clone()).await
    }
}

/// The driver's settings as `url` has them, without TLS. Does not connect; refuses what [`ConnectOptions::from_url`] refuses,
/// except in what it says of TLS.
///
/// # Errors
/// [`DbError::Other`] when the URL is not understood; it is not repeated there.
pub fn driver_config(url: &str) -> Result<Config, DbError> {
    parse(url).map(|(driver, _)| driver)
}

fn parse(url: &str) -> Result<(Config, AskedTls), DbError> {
    if !["postgresql://", "postgres://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(wrong(format!("it must be written {URL_FORM}")));
    }
    let (url, asked) = take_tls(url).map_err(wrong)?;
    let driver = url.parse().map_err(|error: tokio_postgres::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        wrong(format!("{error}: {cause}"))
    })?;
    Ok((driver, asked))
}

/// The URL may carry a password: it is not repeated in the message.
fn wrong(why: String) -> DbError {
    DbError::Other(format!("the database URL is not understood: {why}"))
}

/// What a URL says of TLS, which is for us and not for the driver, which knows less of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct AskedTls {
    mode: Option<String>,
    /// File of those who may vouch for the server.
    authorities: Option<String>,
}

/// The URL without what it says of TLS.
fn take_tls(url: &str) -> Result<(String, AskedTls), String> {
    let mut asked = AskedTls::default();
    let Some((server, query)) = url.split_once('?') else { return Ok((url.to_owned(), asked)) };
    let mut kept = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let field = match key {
            "sslmode" => &mut asked.mode,
            "sslrootcert" => &mut asked.authorities,
            _ => {
                kept.push(pair);
                continue;
            }
        };
        let value = percent_encoding::percent_decode_str(value).decode_utf8();
        *field = Some(value.map_err(|error| error.to_string())?.into_owned());
    }
    let mark = if kept.is_empty() { "" } else { "?" };
    Ok((format!("{server}{mark}{}", kept.join("&")), asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(mode: &str, authorities: &str) -> AskedTls {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        AskedTls { mode: some(mode), authorities: some(authorities) }
    }

    #[test]
    fn tls_is_taken_out_of_a_url() {
        for (url, rest, mode, file) in [
            ("postgresql://u:p@a,b/shop", "postgresql://u:p@a,b/shop", "", ""),
            ("postgresql://a/shop?sslmode=verify-full", "postgresql://a/shop", "verify-full", ""),
            (
                "postgresql://a/s?options=x&sslrootcert=%2Fetc%2Fmy%20ca.pem&sslmode=require&application_name=y",
                "postgresql://a/s?options=x&application_name=y",
                "require",
                "/etc/my ca.pem",
            ),
        ] {
            assert_eq!(take_tls(url), Ok((rest.to_owned(), asked(mode, file))), "{url}");
        }
    }

    #[test]
    fn who_asks_for_tls_never_gets_less() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, "nothing").unwrap();
        let file = file.display();
        for (url, expected) in [
            ("postgresql://db?sslmode=verify-full&sslrootcert=/not/there".to_owned(), "/not/there"),
            (format!("postgresql://db?sslmode=require&sslrootcert={file}"), "holds no certificate"),
            ("postgresql://u:secret@db/shop?sslmode=on".into(), "sslmode=on"),
            ("postgresql://u:secret?x@db/shop?sslmode=require".into(), "%3F"),
        ] {
            let error = ConnectOptions::from_url(&url).err().unwrap().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        }
        assert_eq!(ConnectOptions::from_url("postgresql://db").unwrap().driver.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_form_of_one() {
        for text in ["host=db port=5432 user=souk password=secret", "db:5432", "mysql://u:secret@db/shop", ""] {
            let error = ConnectOptions::from_url(text).err().unwrap().to_string();
            assert!(error.contains(URL_FORM) && !error.contains("secret"), "{error}");
        }
        assert!(ConnectOptions::from_url("postgres://u@db/shop").is_ok());
    }
}
