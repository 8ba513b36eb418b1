//! SMTP client (RFC 5321): one connection, protected and logged in as configured, and the mails that go over it. Each step is told
//! to who asks, so that `souk mail test` shows the very conversation that mails have.

use std::future::Future;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Quit, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use souk_kernel::Problem;

use crate::compose::Mail;
use crate::settings::{SmtpConfig, SmtpTls};

/// Longest wait for a server that is told goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a mail did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Trying again may help.
    Later(String),
    /// The server will never take it: no such mailbox, or the like.
    Never(String),
}

impl std::fmt::Display for NotSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Later(reason) | Self::Never(reason)) = self;
        f.write_str(reason)
    }
}

/// Hears what is done: the step, and what came of it.
pub type Listener<'a> = &'a mut (dyn FnMut(&str, &str) + Send);

/// Hears nothing.
fn nobody(_: &str, _: &str) {}

/// A mail server, as configured.
pub struct Smtp {
    host: String,
    port: u16,
    hello: ClientId,
    protection: SmtpTls,
    tls: Option<TlsParameters>,
    login: Option<(String, Credentials)>,
    timeout: Duration,
}

impl Smtp {
    /// Connects to no server yet. `shop_host` is the host of the shop's public address.
    ///
    /// # Errors
    /// 422 with what is wrong with the settings.
    pub fn new(config: &SmtpConfig, shop_host: &str) -> Result<Self, Problem> {
        let invalid =
            |key: &str, reason: &str| Problem::invalid("invalid_configuration", format!("mail.smtp.{key}: {reason}"));
        let mut complaint = None;
        config.check(&mut |key, reason| {
            complaint.get_or_insert_with(|| invalid(key, &reason));
        });
        if let Some(problem) = complaint {
            return Err(problem);
        }
        let protection = config.tls();
        let tls = match protection {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => Some(tls(config).map_err(|reason| invalid("ca_file", &reason))?),
        };
        let secret = config.secret().map_err(|reason| invalid("password_file", &reason))?;
        let login = config.username.clone().zip(secret);
        let login = login.map(|(name, secret)| (name.clone(), Credentials::new(name, secret.into_inner())));
        let hello = client_id(config.hello.as_deref().unwrap_or(shop_host));
        let (host, port, timeout) = (config.host.clone(), config.port, config.timeout());
        Ok(Self { host, port, hello, protection, tls, login, timeout })
    }

    /// Sends all, one after the other; one result for each, in order.
    pub async fn send_all(&self, mails: &[Mail]) -> Vec<Result<(), NotSent>> {
        let mut results = Vec::with_capacity(mails.len());
        let mut open: Option<AsyncSmtpConnection> = None;
        for mail in mails {
            let mut sent = None;
            if let Some(mut connection) = open.take() {
                sent = match self.deliver(&mut connection, mail, &mut nobody).await {
                    Ok(_) => {
                        open = Some(connection);
                        Some(Ok(()))
                    }
                    Err(never @ NotSent::Never(_)) => {
                        farewell(connection).await;
                        Some(Err(never))
                    }
                    // The server had enough of this connection, or it broke: a fresh one tells.
                    Err(NotSent::Later(_)) => {
                        farewell(connection).await;
                        None
                    }
                };
            }
            if sent.is_none() {
                let mut connection = match self.connect(&mut nobody).await {
                    Ok(connection) => connection,
                    // The next ones would hear the same, each after as long a wait.
                    Err(error) => {
                        results.resize(mails.len(), Err(error));
                        return results;
                    }
                };
                let result = self.deliver(&mut connection, mail, &mut nobody).await.map(drop);
                match &result {
                    Ok(()) => open = Some(connection),
                    Err(_) => farewell(connection).await,
                }
                sent = Some(result);
            }
            results.extend(sent);
        }
        if let Some(connection) = open {
            farewell(connection).await;
        }
        results
    }

    /// Sends one, and tells of every step; the server's last answer.
    ///
    /// # Errors
    /// At the first step that did not go well.
    pub async fn send_one(&self, mail: &Mail, listener: Listener<'_>) -> Result<String, NotSent> {
        let mut connection = self.connect(listener).await?;
        let sent = self.deliver(&mut connection, mail, listener).await;
        farewell(connection).await;
        sent
    }

    /// A connection that is ready for mails. Nothing that goes wrong before is the fault of a mail, so all of it is tried again.
    async fn connect(&self, listener: Listener<'_>) -> Result<AsyncSmtpConnection, NotSent> {
        let server = format!("{}:{}", self.host, self.port);
        let implicit = self.tls.clone().filter(|_| self.protection == SmtpTls::Implicit);
        let with = if implicit.is_some() { " with TLS" } else { "" };
        let address = (self.host.as_str(), self.port);
        let opening = AsyncSmtpConnection::connect_tokio1(address, Some(self.timeout), &self.hello, implicit, None);
        let connecting = format!("connecting to {server}{with}");
        let mut connection = self.step(&connecting, opening).await.map_err(NotSent::Later)?;
        listener("connect", &format!("{server}{with}: {}", connection.server_info().name()));
        listener("offers", &offers(&connection));
        if let (SmtpTls::Starttls, Some(tls)) = (self.protection, &self.tls) {
            if !connection.can_starttls() {
                farewell(connection).await;
                let reason =
                    format!("{server} does not offer STARTTLS, and without it nothing is sent (mail.smtp.tls)");
                return Err(NotSent::Later(reason));
            }
            self.step("STARTTLS", connection.starttls(tls.clone(), &self.hello)).await.map_err(NotSent::Later)?;
            listener("starttls", &format!("the certificate of {} is trusted", self.host));
            listener("offers", &offers(&connection));
        }
        if let Some((name, credentials)) = &self.login {
            let logging_in = format!("logging in as {name:?}");
            let answer = self.step(&logging_in, connection.auth(DEFAULT_MECHANISMS, credentials)).await;
            let answer = answer.map_err(NotSent::Later)?;
            listener("login", &format!("as {name:?}: {}", words(&answer)));
        }
        Ok(connection)
    }

    /// One mail over a connection. What is said of the recipient or the text is final; what is said before, of the sender, is a
    /// matter of settings and may change.
    async fn deliver(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Mail,
        listener: Listener<'_>,
    ) -> Result<String, NotSent> {
        let server = connection.server_info();
        let mut options = Vec::new();
        if mail.needs_smtputf8() {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(NotSent::Never(format!(
                    "{} does not offer SMTPUTF8 (RFC 6531), without which no mail goes to this address: a domain can be \
                     written in ASCII, other letters before the @ cannot",
                    self.host
                )));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !mail.bytes.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = mail.envelope.from().cloned();
        let sender = from.as_ref().map(ToString::to_string).unwrap_or_default();
        let answer = self.step("MAIL FROM", connection.command(MailFrom::new(from, options))).await;
        listener("sender", &format!("{sender}: {}", words(&answer.map_err(NotSent::Later)?)));
        for to in mail.envelope.to() {
            let answer = self.judged("RCPT TO", connection.command(Rcpt::new(to.clone(), vec![]))).await?;
            listener("recipient", &format!("{to}: {}", words(&answer)));
        }
        self.judged("DATA", connection.command(Data)).await?;
        let answer = words(&self.judged("the mail", connection.message(&mail.bytes)).await?);
        listener("mail", &answer);
        Ok(answer)
    }

    /// A step whose permanent refusal is final, unless it asks for a login (53x): then all mails are refused, and not for good.
    async fn judged<T>(
        &self,
        step: &str,
        work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, NotSent> {
        let mut never = false;
        let noted = async { work.await.inspect_err(|error| never = is_final(error)) };
        let done = self.step(step, noted).await;
        done.map_err(|reason| if never { NotSent::Never(reason) } else { NotSent::Later(reason) })
    }

    /// A step, in time; what went wrong, in words.
    async fn step<T>(
        &self,
        step: &str,
        work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, String> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(done) => done.map_err(|error| format!("{step}: {error}")),
            Err(_) => Err(format!("{step}: no answer within {} s", self.timeout.as_secs())),
        }
    }
}

fn is_final(error: &lettre::transport::smtp::Error) -> bool {
    error.is_permanent() && !error.status().is_some_and(|code| code.to_string().starts_with("53"))
}

/// Ends a connection without waiting long for the server's part in it.
async fn farewell(mut connection: AsyncSmtpConnection) {
    // Whatever it says: nothing depends on it any more.
    let _ = tokio::time::timeout(FAREWELL, connection.command(Quit)).await;
}

fn tls(config: &SmtpConfig) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(file) = &config.ca_file {
        let told = |error: String| format!("{}: {error}", file.display());
        let pem = std::fs::read(file).map_err(|error| told(error.to_string()))?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| told(error.to_string()))?);
    }
    builder.build().map_err(|error| error.to_string())
}

/// How this machine introduces itself: by a name that others can look up, or by an address (RFC 5321, 4.1.4).
fn client_id(host: &str) -> ClientId {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(std::net::IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(std::net::IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) if host.contains('.') => ClientId::Domain(host.to_owned()),
        Err(_) => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
    }
}

/// What of its offers matters here.
fn offers(connection: &AsyncSmtpConnection) -> String {
    use lettre::transport::smtp::authentication::Mechanism::{Login, Plain};
    let all = [
        (Extension::StartTls, "STARTTLS"),
        (Extension::Authentication(Plain), "AUTH PLAIN"),
        (Extension::Authentication(Login), "AUTH LOGIN"),
        (Extension::EightBitMime, "8BITMIME"),
        (Extension::SmtpUtfEight, "SMTPUTF8"),
    ];
    let info = connection.server_info();
    let offered: Vec<&str> =
        all.into_iter().filter(|(what, _)| info.supports_feature(*what)).map(|(_, name)| name).collect();
    if offered.is_empty() { "nothing that is of use here".to_owned() } else { offered.join(", ") }
}

fn words(answer: &Response) -> String {
    let lines: Vec<&str> = answer.message().collect();
    format!("{} {}", answer.code(), lines.join(" / "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_that_others_know() {
        for (host, hello) in [
            ("shop.example.org", "shop.example.org"),
            ("localhost", "[127.0.0.1]"),
            ("127.0.0.1", "[127.0.0.1]"),
            ("[2001:db8::1]", "[IPv6:2001:db8::1]"),
        ] {
            assert_eq!(client_id(host).to_string(), hello);
        }
    }
}
