//! Media configuration: where pictures and assets are kept, and where browsers get them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use souk_kernel::{Secret, without_password};
use souk_objects::{Objects, Provider, Storage, StorageUrl, check_endpoint};
use souk_web::Cdn;

use super::{Config, is_loopback};

/// Pictures and assets. The same for all processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix` or `file:///directory`; none: the directory `media`
    /// in `data_dir`. What the keys below leave out comes from the provider's own environment variables, or from the
    /// identity that the platform gives the process.
    pub store: Option<String>,
    /// The server, for others than the provider's own: `https://storage.example`.
    pub endpoint: Option<String>,
    /// S3: the region.
    pub region: Option<String>,
    /// S3: id of the access key. Azure: name of the storage account.
    pub account: Option<String>,
    /// S3: the secret access key. Azure: the account's key. Google: the service account, JSON.
    pub secret: Option<Secret<String>>,
    /// The same from a file, which is read at start.
    pub secret_file: Option<PathBuf>,
    /// PEM of authorities that are believed beside those that the system knows, for a server with a certificate of your own.
    pub ca_file: Option<PathBuf>,
    /// Where browsers get pictures and assets, `https://cdn.example`: a CDN that asks the shop for what it does not have.
    /// None: from the shop itself.
    pub cdn: Option<String>,
    /// Pictures that imports name by an address are fetched in the background. Off: they wait until it is on.
    pub fetch: bool,
    /// They may lie on servers within private networks too. Off by default: an address in a file that somebody sent would
    /// otherwise lead to whatever this machine can reach.
    pub fetch_private: bool,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            store: None,
            endpoint: None,
            region: None,
            account: None,
            secret: None,
            secret_file: None,
            ca_file: None,
            cdn: None,
            fetch: true,
            fetch_private: false,
        }
    }
}

impl Media {
    /// The CDN, or none.
    pub fn cdn(&self) -> Cdn {
        self.cdn_origin().map_or_else(Cdn::default, |origin| Cdn::at(&origin))
    }

    /// Its address without a slash at its end.
    pub fn cdn_origin(&self) -> Option<String> {
        self.cdn.as_ref().map(|cdn| cdn.trim_end_matches('/').to_owned())
    }

    /// The secret, that of the file included.
    fn secret(&self) -> Result<Option<Secret<String>>, String> {
        let Some(file) = &self.secret_file else { return Ok(self.secret.clone()) };
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        match text.trim() {
            "" => Err(format!("{}: is empty", file.display())),
            secret => Ok(Some(Secret::new(secret.to_owned()))),
        }
    }

    /// Says what cannot work, by key.
    pub(super) fn check(&self, mut wrong: impl FnMut(&str, String)) {
        if let Some(cdn) = &self.cdn {
            match cdn.trim_end_matches('/').split_once("://") {
                Some((_, host)) if host.is_empty() || !host.bytes().all(is_of_a_host) => {
                    wrong("media.cdn", format!("{cdn:?} must be a scheme and a host, without a path"));
                }
                Some(("https", _)) => {}
                Some(("http", host)) if is_loopback(host) => {}
                Some(("http", _)) => wrong("media.cdn", format!("{cdn}: plain HTTP is for loopback only, use https")),
                _ => wrong("media.cdn", format!("{cdn:?} is not an https address")),
            }
        }
        if let Some(Err(reason)) = self.endpoint.as_deref().map(check_endpoint) {
            wrong("media.endpoint", reason.into());
        }
        if self.secret.is_some() && self.secret_file.is_some() {
            wrong("media.secret_file", "is set beside media.secret: one of them".into());
        }
        let secret = self.secret();
        if let Err(reason) = &secret {
            wrong("media.secret_file", reason.clone());
        }
        let url = match self.store.as_deref().map(str::parse::<StorageUrl>) {
            // Not the text: the operator may have tried to put a password into it.
            Some(Err(error)) => return wrong("media.store", error.to_string()),
            Some(Ok(url)) => url,
            None => StorageUrl::Directory(PathBuf::new()),
        };
        let keys = [
            ("media.endpoint", self.endpoint.is_some()),
            ("media.region", self.region.is_some()),
            ("media.account", self.account.is_some()),
            ("media.ca_file", self.ca_file.is_some()),
            ("media.secret", self.secret.is_some() || self.secret_file.is_some()),
        ];
        let StorageUrl::Bucket { provider, .. } = url else {
            for (key, _) in keys.iter().filter(|(_, set)| *set) {
                wrong(key, "is for a bucket, and media.store is a directory".into());
            }
            return;
        };
        let has_secret = self.secret.is_some() || self.secret_file.is_some();
        match provider {
            Provider::S3 if self.account.is_some() != has_secret => {
                let (key, other) = if has_secret { ("account", "secret") } else { ("secret", "account") };
                wrong(&format!("media.{key}"), format!("is missing: media.{other} is set"));
            }
            Provider::Azure | Provider::Google if self.region.is_some() => {
                wrong("media.region", "is for s3:// only".into());
            }
            Provider::Google if self.account.is_some() => wrong("media.account", "is in the service account".into()),
            _ => {}
        }
        if let (Ok(url), Ok(secret)) = (self.store.as_deref().unwrap_or_default().parse(), secret)
            && let Err(error) = Objects::open(&self.storage(url, secret))
        {
            wrong("media.store", error.to_string());
        }
    }

    fn storage(&self, url: StorageUrl, secret: Option<Secret<String>>) -> Storage {
        Storage {
            url,
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            secret,
            ca_file: self.ca_file.clone(),
        }
    }

    /// The same without its secret, to be shown.
    pub(super) fn redacted(&self) -> Self {
        let secret = self.secret.as_ref().map(|_| Secret::new("***".to_owned()));
        // What is no storage URL may be one with a password in it.
        let is_url = |store: &String| store.parse::<StorageUrl>().is_ok();
        let store = self.store.clone().map(|store| if is_url(&store) { store } else { "***".into() });
        let endpoint = self.endpoint.as_deref().map(without_password);
        Self { secret, store, endpoint, ..self.clone() }
    }
}

fn is_of_a_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)
}

impl Config {
    /// Opens the storage of pictures and assets. Asks no server.
    pub fn objects(&self) -> anyhow::Result<Objects> {
        let url = match &self.media.store {
            Some(store) => store.parse()?,
            None => StorageUrl::Directory(self.data_dir.join("media")),
        };
        let secret = self.media.secret().map_err(anyhow::Error::msg)?;
        Ok(Objects::open(&self.media.storage(url, secret))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::keys;

    fn with(media: Media) -> Config {
        Config { media, ..Config::default() }
    }

    fn bucket(store: &str) -> Media {
        Media { store: Some(store.into()), ..Media::default() }
    }

    #[test]
    fn what_cannot_work_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let secret = || Some(Secret::new("s3cret".to_owned()));
        for (media, expected) in [
            (bucket("file:///srv/media"), &[][..]),
            (bucket("s3://souk/media"), &[]),
            (Media { account: text("id"), secret: secret(), region: text("eu-central-1"), ..bucket("s3://souk") }, &[]),
            (Media { endpoint: text("http://127.0.0.1:9000"), ..bucket("s3://souk") }, &[]),
            (Media { account: text("shop"), secret: text("c2VjcmV0").map(Secret::new), ..bucket("az://souk") }, &[]),
            (bucket("ftp://souk"), &["media.store"]),
            (Media { endpoint: text("http://storage.example"), ..bucket("s3://souk") }, &["media.endpoint"]),
            (Media { account: text("id"), ..bucket("s3://souk") }, &["media.secret"]),
            (Media { secret: secret(), ..bucket("s3://souk") }, &["media.account"]),
            (Media { region: text("eu"), ..Media::default() }, &["media.region"]),
            (
                Media { secret_file: Some("/nowhere/secret".into()), account: text("id"), ..bucket("s3://souk") },
                &["media.secret_file"],
            ),
            (Media { ca_file: Some("/nowhere/ca.pem".into()), ..bucket("s3://souk") }, &["media.store"]),
            (Media { secret: text("no JSON").map(Secret::new), ..bucket("gs://souk") }, &["media.store"]),
        ] {
            assert_eq!(keys(&with(media.clone())), expected, "{media:?}");
        }
    }

    #[test]
    fn a_cdn_is_a_host_behind_https() {
        for (cdn, fine) in [
            ("https://cdn.example", true),
            ("https://cdn.example:8443/", true),
            ("http://127.0.0.1:9090", true),
            ("http://cdn.example", false),
            ("https://cdn.example/shop", false),
            ("https://cdn.example; script-src *", false),
            ("cdn.example", false),
        ] {
            let config = with(Media { cdn: Some(cdn.into()), ..Media::default() });
            assert_eq!(keys(&config).is_empty(), fine, "{cdn}");
        }
    }

    #[test]
    fn secrets_come_from_a_file_and_are_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "s3cret\n").unwrap();
        let media = Media { secret_file: Some(file.clone()), account: Some("id".into()), ..bucket("s3://souk") };
        assert_eq!(media.secret().unwrap().unwrap().reveal(), "s3cret");
        assert_eq!(keys(&with(media.clone())), Vec::<String>::new());
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(keys(&with(media)), ["media.secret_file"]);
        let config = with(Media { secret: Some(Secret::new("s3cret".into())), ..bucket("s3://souk") });
        assert!(!toml::to_string(&config.redacted()).unwrap().contains("s3cret"));
        let config = with(bucket("s3://id:s3cret@souk"));
        assert!(!config.check()[0].reason.contains("s3cret"));
        assert!(!toml::to_string(&config.redacted()).unwrap().contains("s3cret"));
    }
}
