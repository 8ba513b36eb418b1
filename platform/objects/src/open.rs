//! Factory of object stores: from a [`Storage`] to something that keeps objects.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ObjectStore, Result, RetryConfig, StaticCredentialProvider};
use souk_tls::TrustRoots;

use crate::http::Connector;
use crate::storage_url::{Provider, is_plain_loopback};
use crate::{ObjectError, Storage, StorageUrl};

/// Repeats of one call.
const MAX_RETRIES: usize = 2;
/// No repeat begins later than this after the first try.
const RETRY_FOR: Duration = Duration::from_secs(3);
/// Pause before the first repeat; doubles, with jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn open(storage: &Storage) -> std::result::Result<Arc<dyn ObjectStore>, ObjectError> {
    match &storage.url {
        StorageUrl::Directory(directory) => {
            std::fs::create_dir_all(directory)?;
            // Written files are synced, so that a row that names one is true.
            Ok(Arc::new(LocalFileSystem::new_with_prefix(directory)?.with_fsync(true)))
        }
        StorageUrl::Bucket { provider, bucket, .. } => {
            let connector =
                Connector(TrustRoots::with_file(storage.ca_file.as_deref()).map_err(std::io::Error::other)?);
            Ok(match provider {
                Provider::S3 => s3(storage, bucket, connector)?,
                Provider::Azure => azure(storage, bucket, connector)?,
                Provider::Google => google(storage, bucket, connector)?,
            })
        }
    }
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 },
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_FOR,
    }
}

fn s3(storage: &Storage, bucket: &str, connector: Connector) -> Result<Arc<dyn ObjectStore>> {
    let mut builder =
        AmazonS3Builder::from_env().with_bucket_name(bucket).with_http_connector(connector).with_retry(retry());
    if let Some(endpoint) = &storage.endpoint {
        // The one that counts more than any variable.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if let Some(region) = &storage.region {
        builder = builder.with_region(region);
    }
    if let (Some(key_id), Some(secret)) = (&storage.account, &storage.secret) {
        // Whole: half of it must not come from a variable.
        let credential = AwsCredential { key_id: key_id.clone(), secret_key: secret.reveal().clone(), token: None };
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
    }
    let endpoint = |key| builder.get_config_value(&key);
    let endpoint = endpoint(AmazonS3ConfigKey::S3Endpoint).or(endpoint(AmazonS3ConfigKey::Endpoint));
    Ok(Arc::new(builder.with_allow_http(endpoint.as_deref().is_some_and(is_plain_loopback)).build()?))
}

fn azure(storage: &Storage, container: &str, connector: Connector) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_http_connector(connector)
        .with_retry(retry())
        .with_allow_http(storage.endpoint.as_deref().is_some_and(is_plain_loopback));
    if let Some(endpoint) = &storage.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(account) = &storage.account {
        builder = builder.with_account(account);
    }
    if let Some(secret) = &storage.secret {
        builder = builder.with_access_key(secret.reveal());
    }
    Ok(Arc::new(builder.build()?))
}

fn google(storage: &Storage, bucket: &str, connector: Connector) -> Result<Arc<dyn ObjectStore>> {
    let plain = storage.endpoint.as_deref().is_some_and(is_plain_loopback);
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_http_connector(connector)
        .with_retry(retry())
        .with_client_options(object_store::ClientOptions::new().with_allow_http(plain));
    if let Some(endpoint) = &storage.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    if let Some(secret) = &storage.secret {
        builder = builder.with_service_account_key(secret.reveal());
    }
    Ok(Arc::new(builder.build()?))
}
