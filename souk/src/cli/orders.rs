//! `souk orders`: what staff do with orders, until there is a portal.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use souk_kernel::ShopTime;
use souk_order_api::{AuditRequest, CancelOrder, FindOrder, ListOrders, Order, OrderStatus};
use souk_rpc::Cx;
use souk_shipping_api::{Deliver, Ship};

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// Orders.
#[derive(Debug, Subcommand)]
pub enum Orders {
    /// The newest orders.
    List {
        /// Only these: pending, confirmed, shipped, delivered, cancelled, failed.
        #[arg(long)]
        status: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// For machines.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shop: DataDirArgs,
    },
    /// One order with everything about it.
    Show(Reference),
    /// Mark an order as shipped.
    Ship {
        #[command(flatten)]
        order: Reference,
        /// The carrier's tracking number.
        #[arg(long)]
        tracking: Option<String>,
        /// The carrier.
        #[arg(long)]
        carrier: Option<String>,
    },
    /// Mark an order as delivered.
    Deliver(Reference),
    /// What the shop could not do by itself and a person has to: money or stock whose return was refused for good.
    Tasks {
        /// For machines.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shop: DataDirArgs,
    },
    /// Cancel an order that is not shipped: stock and money go back.
    Cancel {
        #[command(flatten)]
        order: Reference,
        /// For the record.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// Which order.
#[derive(Debug, Args)]
pub struct Reference {
    /// Its number (S-1000042) or id.
    order: String,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shop: DataDirArgs,
}

impl Orders {
    fn shop(&self) -> &DataDirArgs {
        match self {
            Orders::List { shop, .. } | Orders::Tasks { shop, .. } => shop,
            Orders::Show(order) | Orders::Deliver(order) => &order.shop,
            Orders::Ship { order, .. } | Orders::Cancel { order, .. } => &order.shop,
        }
    }
}

/// Runs the command.
pub async fn run(command: Orders, config: Config) -> anyhow::Result<ExitCode> {
    let time = config.shop.time_zone.clone();
    let offline = OfflineShop::open(&command.shop().apply(config)).await?;
    let result = act(&offline, command, &time).await;
    offline.close().await?;
    result
}

async fn act(offline: &OfflineShop, command: Orders, time: &ShopTime) -> anyhow::Result<ExitCode> {
    let (clients, cx) = (&offline.clients, Cx::system("souk orders"));
    let find = async |order: &Reference| clients.order.find(&cx, FindOrder { reference: order.order.clone() }).await;
    match command {
        Orders::List { status, limit, json, .. } => {
            let status = status.map(|word| parse_status(&word)).transpose()?;
            let page = clients.order.list(&cx, ListOrders { limit, cursor: None, status }).await?;
            if json {
                println!("{}", serde_json::to_string_pretty(&page.items)?);
            } else {
                page.items.iter().for_each(|order| print_line(order, time));
            }
        }
        Orders::Show(order) => show(&find(&order).await?, order.json, time)?,
        Orders::Ship { order, tracking, carrier } => {
            let found = find(&order).await?;
            anyhow::ensure!(
                matches!(found.status, OrderStatus::Confirmed | OrderStatus::Shipped),
                "order {} is {} and cannot be shipped",
                found.number,
                word(&found.status)
            );
            let ship = Ship { order_id: found.id.0, carrier, tracking_number: tracking };
            clients.shipping.ship(&cx, ship).await?;
            println!("order {} is marked as shipped", found.number);
        }
        Orders::Deliver(order) => {
            let found = find(&order).await?;
            clients.shipping.deliver(&cx, Deliver { order_id: found.id.0 }).await?;
            println!("order {} is marked as delivered", found.number);
        }
        Orders::Tasks { json, .. } => {
            let tasks = clients.order.audit(&cx, AuditRequest {}).await?.tasks;
            if json {
                println!("{}", serde_json::to_string_pretty(&tasks)?);
            }
            for task in tasks.iter().filter(|_| !json) {
                let (since, what) = (time.in_list(task.since), task.what.replace('\n', "; "));
                println!("{since}  {}  order {}  {what}", task.kind, task.order);
            }
        }
        Orders::Cancel { order, reason } => {
            let found = find(&order).await?;
            let cancelled =
                clients.order.cancel(&cx, CancelOrder { id: found.id, reason, if_version: None, token: None }).await?;
            match cancelled.status {
                OrderStatus::Cancelled => println!("order {} is cancelled; stock and money go back", cancelled.number),
                _ => println!("order {} was not paid and is given up", cancelled.number),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_status(text: &str) -> anyhow::Result<OrderStatus> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| {
        anyhow::anyhow!("{text:?} is no status: pending, confirmed, shipped, delivered, cancelled, failed")
    })
}

/// The word for people and for JSON alike.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn print_line(order: &Order, time: &ShopTime) {
    println!(
        "{:<12} {:<10} {:<10} {:>14}  {}  {}",
        order.number,
        word(&order.status),
        word(&order.payment_status),
        order.total.to_string(),
        time.in_list(order.placed_at),
        order.email
    );
}

fn show(order: &Order, json: bool, time: &ShopTime) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(order)?);
        return Ok(());
    }
    print_line(order, time);
    println!("to {} ({})", order.shipping_address.lines().join(", "), order.shipping_name);
    for line in &order.lines {
        println!("{:>5} x {:<24} {} {}  {}", line.quantity, line.sku, line.title, line.options, line.total);
    }
    println!(
        "subtotal {}, discount {}, shipping {}, tax {}",
        order.subtotal, order.discount, order.shipping, order.tax
    );
    for parcel in &order.shipments {
        let number = parcel.tracking_number.as_deref().unwrap_or("without tracking");
        // When it became what it is.
        let since = parcel.delivered_at.unwrap_or(parcel.shipped_at);
        println!("parcel {} {} since {}", number, word(&parcel.status), time.in_list(since));
    }
    if let Some(failure) = &order.failure {
        println!("failed: {failure}");
    }
    Ok(())
}
