//! `souk mail`: does the mail server take our mails, which of them did not leave, and why.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use souk_kernel::{Clock, ShopTime};
use souk_notification::{MailTransport, ShopConfig, send_test_message};
use souk_notification_api::{ListUnsent, RetryMails, UnsentMail};
use souk_rpc::Cx;

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// Mails.
#[derive(Debug, Subcommand)]
pub enum Mail {
    /// Send a test message, and tell what the mail server says at each step.
    Test {
        /// To whom.
        address: String,
        #[command(flatten)]
        shop: DataDirArgs,
    },
    /// Mails that did not leave, the newest first, with the reason: those that are tried again, and those given up.
    List {
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// For machines.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shop: DataDirArgs,
    },
    /// Try again to send mails that were given up: after the mail server was mended, or another one was configured.
    Retry(Retry),
}

/// Which mails.
#[derive(Debug, Args)]
pub struct Retry {
    /// One of them, as `souk mail list` names it; all without.
    message: Option<String>,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// Runs the command.
pub async fn run(command: Mail, config: Config) -> anyhow::Result<ExitCode> {
    let cx = Cx::system("souk mail");
    let time = config.shop.time_zone.clone();
    match command {
        Mail::Test { address, shop } => test(&address, &shop.apply(config)).await,
        Mail::List { limit, json, shop } => {
            let offline = OfflineShop::open(&shop.apply(config)).await?;
            let found = offline.clients.notification.unsent(&cx, ListUnsent { limit }).await;
            offline.close().await?;
            let mails = found?.items;
            if json {
                println!("{}", serde_json::to_string_pretty(&mails)?);
            } else {
                mails.iter().for_each(|mail| println!("{}", line(mail, &time)));
            }
            Ok(ExitCode::SUCCESS)
        }
        Mail::Retry(Retry { message, shop }) => {
            let offline = OfflineShop::open(&shop.apply(config)).await?;
            let queued = offline.clients.notification.retry(&cx, RetryMails { message_id: message }).await;
            offline.close().await?;
            println!("{} mails are tried again", queued?.queued);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Needs no shop that runs, and no database.
async fn test(address: &str, config: &Config) -> anyhow::Result<ExitCode> {
    let wrong: Vec<String> =
        config.check().iter().map(ToString::to_string).filter(|text| text.starts_with("mail.")).collect();
    anyhow::ensure!(wrong.is_empty(), "the configuration cannot work:\n{}", wrong.join("\n"));
    let folder = || MailTransport::Folder(config.data_dir.join("mail"));
    let transport = config.mail.smtp.clone().map_or_else(folder, MailTransport::Smtp);
    let shop = ShopConfig {
        name: config.shop.name.clone(),
        public_url: config.public_url(),
        from: config.mail.from.clone(),
        reply_to: config.mail.reply_to.clone(),
        time: config.shop.time_zone.clone(),
    };
    let told = &mut |step: &str, what: &str| println!("{step:<10} {what}");
    match send_test_message(shop, &transport, address, Clock::system().now(), told).await {
        Ok(()) => {
            println!("the message is on its way; whether it arrives, the mailbox tells");
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => {
            println!("{:<10} {reason}", "failed");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn line(mail: &UnsentMail, time: &ShopTime) -> String {
    let next = match mail.next_try_at {
        Some(at) => format!("next try {}", time.in_list(at)),
        None => "given up".to_owned(),
    };
    let reason = mail.error.as_deref().unwrap_or("not tried yet").replace(['\r', '\n'], " ");
    let to = mail.email.as_deref().unwrap_or("-");
    format!("{}  {}  {to}  {} tries, {next}: {reason}", time.in_list(mail.created_at), mail.message_id, mail.attempts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_in_the_shops_time_to_whom_and_why() {
        let mail = UnsentMail {
            message_id: "order_shipped.7@shop.example.org".into(),
            template: "order_shipped".into(),
            email: Some("用户@例子.广告".into()),
            attempts: 1,
            error: Some("no SMTPUTF8\r\n".into()),
            created_at: "2026-11-20T23:30:00Z".parse().unwrap(),
            next_try_at: None,
        };
        let time = ShopTime::in_zone("Asia/Tokyo").unwrap();
        assert_eq!(
            line(&mail, &time),
            "2026-11-21 08:30:00 +09:00  order_shipped.7@shop.example.org  用户@例子.广告  1 tries, given up: no SMTPUTF8  "
        );
        let waits = UnsentMail { next_try_at: Some(mail.created_at), error: None, ..mail };
        assert!(line(&waits, &time).ends_with("next try 2026-11-21 08:30:00 +09:00: not tried yet"));
    }
}
