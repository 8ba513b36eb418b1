//! Settings of mail: who writes, and the mail server that takes it. What cannot work is said before the first mail.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_kernel::{MailAddress, Secret, ShopTime};

/// Who writes, as buyers see it.
#[derive(Clone, Debug)]
pub struct ShopConfig {
    /// Name of the shop.
    pub name: String,
    /// `https://shop.example.org`: links begin with it, and its host is in every Message-ID.
    pub public_url: String,
    /// Sender's address.
    pub from: String,
    /// Where answers go, if not there.
    pub reply_to: Option<String>,
    /// The time that mails name.
    pub time: ShopTime,
}

/// How mails leave.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// One `.eml` file for each message, to look at: the default on a laptop. Made when missing.
    Folder(PathBuf),
    /// A mail server.
    Smtp(SmtpConfig),
}

/// A mail server that passes mails on: a relay nearby, or a provider's with a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Host name or address.
    pub host: String,
    /// 587 (STARTTLS), 465 (TLS), 25 or 1025 (neither).
    pub port: u16,
    /// Default: what the port is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<SmtpTls>,
    /// Login; none for a server that lets this machine in without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Its password; better in the environment (`SOUK_MAIL__SMTP__PASSWORD`) or a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret<String>>,
    /// A file that holds the password and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// What this machine calls itself (EHLO). Default: the host of the shop's public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<String>,
    /// Longest wait for each answer of the server.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Authorities that vouch for the server beside those that the system knows, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// How the way to the server is protected. Never "if it can": who sits between could say that it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Not at all: a relay on this machine or in the same private network.
    None,
    /// TLS after the greeting (RFC 3207), or no mail.
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
}

fn default_timeout() -> u64 {
    20
}

impl SmtpConfig {
    /// A server without TLS and login.
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: None,
            username: None,
            password: None,
            password_file: None,
            hello: None,
            timeout_seconds: default_timeout(),
            ca_file: None,
        }
    }

    /// What protects the way, by the port when nothing is said.
    pub fn tls(&self) -> SmtpTls {
        self.tls.unwrap_or(match self.port {
            465 => SmtpTls::Implicit,
            587 => SmtpTls::Starttls,
            _ => SmtpTls::None,
        })
    }

    /// Longest wait for each answer.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// The password, wherever it stands.
    ///
    /// # Errors
    /// In words, when its file cannot be read.
    pub fn secret(&self) -> Result<Option<Secret<String>>, String> {
        let Some(file) = &self.password_file else { return Ok(self.password.clone()) };
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned().into()))
    }

    /// What cannot work: the setting and the reason.
    pub fn check(&self, wrong: &mut impl FnMut(&str, String)) {
        if self.port == 0 {
            wrong("port", "must be 1 to 65535".into());
        }
        if !is_host(&self.host) {
            wrong("host", format!("{:?} is no host name or address, in ASCII as name servers know it", self.host));
        }
        if let Some(hello) = self.hello.as_deref().filter(|hello| !is_host(hello)) {
            wrong("hello", format!("{hello:?} is no host name, such as shop.example.org"));
        }
        if !(1..=120).contains(&self.timeout_seconds) {
            wrong("timeout_seconds", "must be 1 to 120".into());
        }
        let passwords = usize::from(self.password.is_some()) + usize::from(self.password_file.is_some());
        match (&self.username, passwords) {
            (Some(_), 1) | (None, 0) => {}
            (None, _) => wrong("username", "is missing: there is a password".into()),
            (Some(_), 0) => wrong("password", "is missing: set it, or password_file".into()),
            (Some(_), _) => wrong("password_file", "stands beside password: one of them is enough".into()),
        }
        if let Err(reason) = self.secret() {
            wrong("password_file", reason);
        }
        if self.username.is_some() && self.tls() == SmtpTls::None && !is_loopback(&self.host) {
            wrong("tls", "must be \"starttls\" or \"implicit\": else everybody on the way reads the password".into());
        }
        match &self.ca_file {
            Some(_) if self.tls() == SmtpTls::None => wrong("ca_file", "vouches for nothing without tls".into()),
            Some(file) => {
                if let Err(error) = std::fs::read(file) {
                    wrong("ca_file", format!("{}: {error}", file.display()));
                }
            }
            None => {}
        }
    }
}

/// What is wrong with a sender's address, if anything is. It need not be one that the whole internet can answer.
///
/// # Errors
/// In words.
pub fn check_sender(address: &str) -> Result<(), String> {
    MailAddress::parse(address).map(drop).map_err(|error| format!("{address:?} {error}"))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let edges = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len())
            && edges
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(config: &SmtpConfig) -> Vec<String> {
        let mut keys = Vec::new();
        config.check(&mut |key, _| keys.push(key.to_owned()));
        keys
    }

    #[test]
    fn the_port_says_what_protects_the_way() {
        let of = |port| SmtpConfig::plain("mail.example.org", port).tls();
        assert_eq!([25, 465, 587, 1025].map(of), [SmtpTls::None, SmtpTls::Implicit, SmtpTls::Starttls, SmtpTls::None]);
        let relay = SmtpConfig { tls: Some(SmtpTls::None), ..SmtpConfig::plain("mail", 587) };
        assert_eq!(relay.tls(), SmtpTls::None);
    }

    #[test]
    fn what_cannot_work_is_said_and_no_password_travels_readable() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "s3cret\n").unwrap();
        let plain = || SmtpConfig::plain("mail.example.org", 25);
        let login =
            || SmtpConfig { username: Some("shop".into()), password: Some("s3cret".to_owned().into()), ..plain() };
        let nowhere = || Some(PathBuf::from("/nowhere/file"));
        for (config, expected) in [
            (plain(), vec![]),
            (SmtpConfig::plain("::1", 1025), vec![]),
            (SmtpConfig::plain("", 0), vec!["port", "host"]),
            (SmtpConfig::plain("münchen.example", 25), vec!["host"]),
            (SmtpConfig::plain("smtp://mail", 25), vec!["host"]),
            (SmtpConfig { hello: Some("a b\r\nMAIL FROM:<x>".into()), ..plain() }, vec!["hello"]),
            (SmtpConfig { timeout_seconds: 0, ..plain() }, vec!["timeout_seconds"]),
            (login(), vec!["tls"]),
            (SmtpConfig { host: "127.0.0.1".into(), ..login() }, vec![]),
            (SmtpConfig { port: 587, ..login() }, vec![]),
            (SmtpConfig { port: 465, ..login() }, vec![]),
            (SmtpConfig { port: 465, username: None, ..login() }, vec!["username"]),
            (SmtpConfig { port: 465, password: None, ..login() }, vec!["password"]),
            (SmtpConfig { port: 465, password: None, password_file: Some(file.clone()), ..login() }, vec![]),
            (SmtpConfig { port: 465, password_file: Some(file.clone()), ..login() }, vec!["password_file"]),
            (SmtpConfig { port: 465, password: None, password_file: nowhere(), ..login() }, vec!["password_file"]),
            (SmtpConfig { ca_file: Some(file.clone()), ..plain() }, vec!["ca_file"]),
            (SmtpConfig { port: 465, ca_file: nowhere(), ..plain() }, vec!["ca_file"]),
        ] {
            assert_eq!(wrong(&config), expected, "{config:?}");
        }
        let from_file = SmtpConfig { password: None, password_file: Some(file), ..login() };
        assert_eq!(from_file.secret().unwrap().unwrap().reveal(), "s3cret");
        assert!(!format!("{:?}", login()).contains("s3cret"));
    }

    #[test]
    fn a_sender_is_an_address_of_any_script() {
        for fine in ["shop@localhost.localdomain", "laden@münchen.example", "商店@例子.广告"] {
            check_sender(fine).unwrap();
        }
        for wrong in ["shop", "shop@", "shop@localhost", "a b@c.de", "Shop <shop@example.org>"] {
            assert!(check_sender(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
