//! The sandbox provider inside `souk up`: a server on a socket of its own, as any other provider would be.

use anyhow::Context;
use souk_kernel::Secret;
use souk_payment::{SANDBOX_API_KEY, SANDBOX_WEBHOOKS, sandbox_secret};
use souk_psp_sandbox::{SandboxConfig, WebhookConfig};
use souk_runtime::Tasks;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::keys::Keys;

/// Configuration of the sandbox that belongs to the shop of `config`.
pub fn config(config: &Config, keys: &Keys) -> SandboxConfig {
    let mut sandbox = SandboxConfig::new(config.data_dir.join("sandbox"), api_key(keys));
    let shop = config.public_url();
    match config.public.tls {
        None => {
            let url = format!("http://{}/webhooks/sandbox", config.public.listen);
            sandbox.webhook = Some(WebhookConfig::new(url, webhook_secret(keys)));
        }
        // Outcomes that a webhook would have told are asked for by the payment worker.
        Some(_) => {
            tracing::warn!("the sandbox provider speaks no TLS: it sends no webhooks to a public listener with TLS")
        }
    }
    sandbox.shop_url = Some(shop);
    sandbox
}

/// Starts one on a free port; returns its address.
pub async fn start(shop: &Config, keys: &Keys, tasks: &Tasks) -> anyhow::Result<String> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.context("the sandbox provider")?;
    let url = format!("http://{}", listener.local_addr()?);
    let (config, stop) = (config(shop, keys), tasks.token().clone());
    tasks.spawn("sandbox provider", async move {
        if let Err(error) = souk_psp_sandbox::serve(listener, config, stop).await {
            tracing::error!(%error, "the sandbox provider ended");
        }
    });
    Ok(url)
}

fn api_key(keys: &Keys) -> Secret<String> {
    sandbox_secret(&Secret::new(keys.derive(SANDBOX_API_KEY)))
}

fn webhook_secret(keys: &Keys) -> Secret<String> {
    sandbox_secret(&Secret::new(keys.derive(SANDBOX_WEBHOOKS)))
}
