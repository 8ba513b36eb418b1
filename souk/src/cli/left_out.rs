//! Feature gates of the command line: what this program was built without is still understood, to say so
//! (docs/adr/0010-what-a-production-build-links.md).
#![cfg(not(all(feature = "demo", feature = "bench")))]

use std::ffi::OsString;

use clap::Args;

/// Whatever stands after the command.
#[derive(Debug, Args)]
pub struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _words: Vec<OsString>,
}

/// The options of `souk up` that are about the demo catalogue.
#[cfg(not(feature = "demo"))]
#[derive(Debug, Args)]
pub struct UpDemo {
    #[arg(long, hide = true)]
    demo: bool,
    #[arg(long, hide = true)]
    demo_products: Option<OsString>,
}

#[cfg(not(feature = "demo"))]
impl UpDemo {
    /// Refuses them.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.demo || self.demo_products.is_some() { Err(error("demo")) } else { Ok(()) }
    }
}

/// Why it is not there, and how to have it.
pub fn error(feature: &str) -> anyhow::Error {
    anyhow::anyhow!("this souk was built without {feature}: build it with --features {feature}")
}
