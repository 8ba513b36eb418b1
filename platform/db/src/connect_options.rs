//! From a URL to a server: what the driver understands, and TLS, which it leaves to others.

use std::{path::PathBuf, time::Duration};

use tokio_postgres::{Client, Config, Connection, Socket, config::SslMode};

use crate::{
    DbError,
    config::CONNECT_TIMEOUT,
    tls::{Stream, Tls},
};

/// A server whose machine is gone says nothing at all: after this long without an acknowledgement the connection counts
/// as broken. The same time passes before an idle one is asked, and again before it is given up.
const SILENCE: Duration = Duration::from_secs(9);

/// How to reach a server, or one of several.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) driver: Config,
    pub(crate) tls: Tls,
}

impl Way {
    /// Over a socket of this machine.
    pub(crate) fn plain(driver: Config) -> Self {
        Self { driver, tls: Tls::default() }
    }

    /// Parses a URL or key-value string and adds what every connection of ours has.
    ///
    /// `sslmode=verify-full` asks for TLS; `require` and `verify-ca` are taken for the same. `sslrootcert` names the
    /// authorities.
    pub(crate) fn of_url(url: &str) -> Result<Self, DbError> {
        // The URL may carry a password: it is not repeated in the message.
        let wrong = |why: String| DbError::Other(format!("the database URL is not understood: {why}"));
        let (url, asked) = take_tls(url).map_err(wrong)?;
        let mut driver: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            wrong(format!("{error}: {cause}"))
        })?;
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
                Tls::verified(asked.authorities.as_deref())?
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

    /// Connects; nobody drives the connection yet.
    pub(crate) async fn connect(&self) -> Result<(Client, Connection<Socket, Stream>), tokio_postgres::Error> {
        self.driver.connect(self.tls.clone()).await
    }
}

/// What a URL says of TLS.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    mode: Option<String>,
    authorities: Option<PathBuf>,
}

impl Asked {
    /// What is for us and not for the driver, which knows less of it.
    fn is_about(key: &str) -> bool {
        ["sslmode", "sslrootcert"].contains(&key)
    }

    fn take(&mut self, key: &str, value: String) {
        match key {
            "sslmode" => self.mode = Some(value),
            _ => self.authorities = Some(value.into()),
        }
    }
}

/// The URL without what it says of TLS.
fn take_tls(url: &str) -> Result<(String, Asked), String> {
    let mut asked = Asked::default();
    if !url.contains("://") {
        let mut kept = String::new();
        for (key, value, text) in pairs(url)? {
            if Asked::is_about(key) {
                asked.take(key, value);
            } else {
                kept.push_str(text);
                kept.push(' ');
            }
        }
        return Ok((kept, asked));
    }
    let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), asked)) };
    let mut kept = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if Asked::is_about(key) {
            let value = percent_encoding::percent_decode_str(value).decode_utf8();
            asked.take(key, value.map_err(|error| error.to_string())?.into_owned());
        } else {
            kept.push(pair);
        }
    }
    let mark = if kept.is_empty() { "" } else { "?" };
    Ok((format!("{place}{mark}{}", kept.join("&")), asked))
}

/// Keys, values and both as they stand there, of `key = value` with quotes and backslashes as libpq has them.
fn pairs(text: &str) -> Result<Vec<(&str, String, &str)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=').ok_or("a key without a value")?;
        let after = value.trim_start();
        let quoted = after.starts_with('\'');
        let (mut value, mut escaped, mut end) = (String::new(), false, after.len());
        for (at, letter) in after.char_indices().skip(usize::from(quoted)) {
            match letter {
                _ if escaped => escaped = false,
                '\\' => {
                    escaped = true;
                    continue;
                }
                '\'' if quoted => {
                    end = at + 1;
                    break;
                }
                _ if !quoted && letter.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => {}
            }
            value.push(letter);
        }
        let left = &after[end..];
        pairs.push((key.trim(), value, &rest[..rest.len() - left.len()]));
        rest = left.trim_start();
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(mode: &str, authorities: &str) -> Asked {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Asked { mode: some(mode), authorities: some(authorities).map(PathBuf::from) }
    }

    #[test]
    fn tls_is_taken_out_of_both_kinds_of_url() {
        for (url, rest, mode, file) in [
            ("postgresql://u:p@a,b/shop", "postgresql://u:p@a,b/shop", "", ""),
            ("postgresql://a/shop?sslmode=verify-full", "postgresql://a/shop", "verify-full", ""),
            (
                "postgresql://a/s?options=x&sslrootcert=%2Fetc%2Fmy%20ca.pem&sslmode=require&application_name=y",
                "postgresql://a/s?options=x&application_name=y",
                "require",
                "/etc/my ca.pem",
            ),
            ("host=a user=u", "host=a user=u ", "", ""),
            (
                r"host=a sslmode = require password='it\'s sslmode=disable' sslrootcert='/a b' user=u",
                r"host=a password='it\'s sslmode=disable' user=u ",
                "require",
                "/a b",
            ),
            ("sslmode=disable", "", "disable", ""),
        ] {
            assert_eq!(take_tls(url), Ok((rest.to_owned(), asked(mode, file))), "{url}");
        }
        assert!(take_tls("host").is_err());
    }

    #[test]
    fn who_asks_for_tls_never_gets_less() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, "nothing").unwrap();
        let file = file.display();
        for (url, expected) in [
            ("host=db sslmode=verify-full sslrootcert=/not/there".to_owned(), "/not/there"),
            (format!("host=db sslmode=require sslrootcert={file}"), "holds no certificate"),
            ("postgresql://u:secret@db/shop?sslmode=on".into(), "sslmode=on"),
            ("postgresql://u:secret?x@db/shop?sslmode=require".into(), "%3F"),
        ] {
            let error = Way::of_url(&url).err().unwrap().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        }
        assert_eq!(Way::of_url("host=db").unwrap().driver.get_ssl_mode(), SslMode::Disable);
    }
}
