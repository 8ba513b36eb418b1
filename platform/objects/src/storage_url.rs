//! Storage URL: where objects lie, as a URL says it, and what else is needed to get at them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use souk_kernel::Secret;

/// The URL of a storage: `file:///srv/media`, `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageUrl {
    /// A directory.
    Directory(PathBuf),
    /// A bucket, below a prefix that may be empty.
    Bucket {
        /// Who keeps it.
        provider: Provider,
        /// Its name.
        bucket: String,
        /// Without slashes at its ends.
        prefix: String,
    },
}

/// Who keeps a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3, or a server that speaks its protocol.
    S3,
    /// Azure Blob Storage; a bucket is a container.
    Azure,
    /// Google Cloud Storage.
    Google,
}

impl Provider {
    const ALL: [Self; 3] = [Self::S3, Self::Azure, Self::Google];

    /// How URLs of it begin.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Google => "gs",
        }
    }
}

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is none of file:///directory, s3://bucket/prefix, az://container/prefix, gs://bucket/prefix")]
pub struct InvalidStorageUrl;

impl FromStr for StorageUrl {
    type Err = InvalidStorageUrl;

    fn from_str(text: &str) -> Result<Self, InvalidStorageUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidStorageUrl)?;
        if scheme == "file" {
            return match rest.starts_with('/') {
                true => Ok(StorageUrl::Directory(rest.into())),
                false => Err(InvalidStorageUrl),
            };
        }
        let provider =
            Provider::ALL.into_iter().find(|provider| provider.scheme() == scheme).ok_or(InvalidStorageUrl)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let parts = || prefix.split('/').all(|part| plain(part) && !matches!(part, "" | "." | ".."));
        if bucket.is_empty() || !plain(bucket) || !(prefix.is_empty() || parts()) {
            return Err(InvalidStorageUrl);
        }
        Ok(StorageUrl::Bucket { provider, bucket: bucket.into(), prefix: prefix.into() })
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageUrl::Directory(directory) => write!(f, "file://{}", directory.display()),
            StorageUrl::Bucket { provider, bucket, prefix } if prefix.is_empty() => {
                write!(f, "{}://{bucket}", provider.scheme())
            }
            StorageUrl::Bucket { provider, bucket, prefix } => write!(f, "{}://{bucket}/{prefix}", provider.scheme()),
        }
    }
}

/// A storage, and how to get at it. What is absent here is taken from the provider's own environment variables
/// (`AWS_ACCESS_KEY_ID`, `AZURE_STORAGE_ACCOUNT_NAME`, `GOOGLE_SERVICE_ACCOUNT` ...), and without those from the identity that
/// the platform gives a process: web identity, pod identity, workload identity, the instance's role.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Where.
    pub url: StorageUrl,
    /// The server, for others than the provider's own. Plain `http://` is for loopback only.
    pub endpoint: Option<String>,
    /// S3: the region.
    pub region: Option<String>,
    /// S3: the access key's id. Azure: the storage account.
    pub account: Option<String>,
    /// S3: the secret access key. Azure: the account's key. Google: the service account, as JSON.
    pub secret: Option<Secret<String>>,
    /// PEM of authorities that are believed beside those that the system knows, for a server with a certificate of your own.
    pub ca_file: Option<PathBuf>,
}

impl Storage {
    /// One that needs nothing else.
    pub fn at(url: StorageUrl) -> Self {
        Self { url, endpoint: None, region: None, account: None, secret: None, ca_file: None }
    }
}

/// True for a server on this machine, which may be asked without TLS.
pub(crate) fn is_plain_loopback(endpoint: &str) -> bool {
    reached(endpoint) == Ok(Reached::PlainLoopback)
}

/// How an endpoint is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Tls,
    PlainLoopback,
}

/// Says what is wrong with an endpoint, `https://host[:port][/path]`.
///
/// # Errors
/// In words for the operator.
pub fn check_endpoint(endpoint: &str) -> Result<(), &'static str> {
    reached(endpoint).map(drop)
}

fn reached(endpoint: &str) -> Result<Reached, &'static str> {
    let uri: http::Uri = endpoint.parse().map_err(|_| "is no address like https://storage.example")?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("names no host")?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("must not hold credentials");
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(Reached::Tls),
        Some("http") if loopback => Ok(Reached::PlainLoopback),
        Some("http") => Err("plain HTTP is for loopback only, use https"),
        _ => Err("must begin with https://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_printed() {
        for text in ["file:///srv/media", "s3://souk", "s3://souk/a/b", "az://pictures/x", "gs://my-bucket.example"] {
            assert_eq!(text.parse::<StorageUrl>().unwrap().to_string(), text);
        }
        let url: StorageUrl = "s3://souk/media/".parse().unwrap();
        let expected = StorageUrl::Bucket { provider: Provider::S3, bucket: "souk".into(), prefix: "media".into() };
        assert_eq!(url, expected);
    }

    #[test]
    fn nothing_else_is_a_storage_url() {
        for text in [
            "",
            "media",
            "/srv/media",
            "file://srv",
            "s3://",
            "s3:///x",
            "s3://a b",
            "s3://a/../b",
            "s3://a//b",
            "ftp://x",
        ] {
            assert_eq!(text.parse::<StorageUrl>(), Err(InvalidStorageUrl), "{text}");
        }
        assert_eq!(
            "s3://key:secret@bucket".parse::<StorageUrl>(),
            Err(InvalidStorageUrl),
            "credentials have no place in it"
        );
    }

    #[test]
    fn endpoints_are_encrypted_or_on_this_machine() {
        for fine in
            ["https://storage.example", "https://storage.example:9000/s3", "http://127.0.0.1:9000", "http://[::1]:1"]
        {
            assert_eq!(check_endpoint(fine), Ok(()), "{fine}");
        }
        for wrong in
            ["storage.example", "http://storage.example", "http://127.0.0.1.evil.example", "https://k:s@x", "ftp://x"]
        {
            assert!(check_endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
