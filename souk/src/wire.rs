//! From the role table to objects: the services of this process, and a client for every service, local where it runs
//! here and remote where it does not. Called services are made before those that call them.

use std::sync::Arc;

use souk_cart::{CartDeps, CartService};
use souk_cart_api::{CartApi, CartClient};
use souk_catalog::{CatalogDeps, CatalogService};
use souk_catalog_api::{CatalogApi, CatalogClient};
use souk_flow::{Consumer, JobHandler, Schedule};
use souk_identity::{IdentityDeps, IdentityService};
use souk_identity_api::{IdentityApi, IdentityClient};
use souk_inventory::{InventoryDeps, InventoryService};
use souk_inventory_api::{InventoryApi, InventoryClient};
use souk_kernel::{Clock, Ids};
use souk_modules::Tasks;
use souk_notification::{NotificationDeps, NotificationService};
use souk_notification_api::{NotificationApi, NotificationClient};
use souk_order::{OrderDeps, OrderService};
use souk_order_api::{OrderApi, OrderClient};
use souk_payment::{PaymentDeps, PaymentService};
use souk_payment_api::{PaymentApi, PaymentClient};
use souk_pricing::{PricingDeps, PricingService};
use souk_pricing_api::{PricingApi, PricingClient};
use souk_rpc::{Channel, Remote};
use souk_search::{IndexConfig, SearchDeps, SearchService};
use souk_search_api::{SearchApi, SearchClient};
use souk_shipping::{ShippingDeps, ShippingService};
use souk_shipping_api::{ShippingApi, ShippingClient};

use crate::config::Config;
use crate::keys::Keys;
use crate::stores::Stores;

/// What wiring needs to know.
pub struct Plan<'a> {
    pub config: &'a Config,
    pub keys: &'a Keys,
    pub tasks: &'a Tasks,
    /// Names of the roles of this process.
    pub roles: &'a [&'static str],
    /// Where the sandbox provider listens.
    pub sandbox_url: Option<String>,
}

impl Plan<'_> {
    /// True when this process has an instance of `service`, for its API or for its worker.
    fn hosts(&self, service: &str) -> bool {
        self.roles.iter().any(|role| *role == service || role.strip_suffix("-worker") == Some(service))
    }

    /// The index this process works on. An embedded one belongs to the process that searches: its worker has none.
    fn index(&self) -> Option<IndexConfig> {
        match &self.config.search {
            search if !search.opensearch.is_empty() => self.hosts("search").then(|| search.shared()),
            _ => self.roles.contains(&"search").then(|| IndexConfig::Embedded(self.config.data_dir.join("search"))),
        }
    }

    fn channel(&self, service: &'static str) -> Channel {
        let remote = Remote { role: service, addresses: self.config.addresses(service) };
        Channel::http(remote, self.keys.actor())
    }
}

/// A client for every service.
#[derive(Clone)]
pub struct Clients {
    pub identity: IdentityClient,
    pub catalog: CatalogClient,
    pub search: SearchClient,
    pub pricing: PricingClient,
    pub cart: CartClient,
    pub order: OrderClient,
    pub payment: PaymentClient,
    pub inventory: InventoryClient,
    pub shipping: ShippingClient,
    pub notification: NotificationClient,
}

/// The services of this process.
#[derive(Default)]
pub struct Services {
    pub identity: Option<Arc<IdentityService>>,
    pub catalog: Option<Arc<CatalogService>>,
    pub search: Option<Arc<SearchService>>,
    pub pricing: Option<Arc<PricingService>>,
    pub cart: Option<Arc<CartService>>,
    pub order: Option<Arc<OrderService>>,
    pub payment: Option<Arc<PaymentService>>,
    pub inventory: Option<Arc<InventoryService>>,
    pub shipping: Option<Arc<ShippingService>>,
    pub notification: Option<Arc<NotificationService>>,
}

/// Background work of one service.
#[derive(Default)]
pub struct Work {
    pub consumers: Vec<Arc<dyn Consumer>>,
    pub jobs: Vec<Arc<dyn JobHandler>>,
    pub schedules: Vec<Schedule>,
}

impl Services {
    /// What the worker of `service` does.
    pub fn work(&self, service: &str) -> Work {
        let mut work = Work::default();
        match service {
            "catalog" => {
                if let Some(catalog) = &self.catalog {
                    work.consumers = souk_catalog::consumers(catalog);
                }
            }
            "search" => {
                if let Some(search) = &self.search {
                    search.keep();
                    work.consumers = souk_search::consumers(search);
                    work.jobs = souk_search::jobs(search);
                }
            }
            "pricing" => {
                if let Some(pricing) = &self.pricing {
                    work.schedules = souk_pricing::schedules(pricing);
                }
            }
            "cart" => {
                if let Some(cart) = &self.cart {
                    work.consumers = souk_cart::consumers(cart);
                    work.schedules = souk_cart::schedules(cart);
                }
            }
            "order" => {
                if let Some(order) = &self.order {
                    order.sweep();
                    work.consumers = souk_order::consumers(order);
                    work.schedules = souk_order::schedules(order);
                }
            }
            "payment" => {
                if let Some(payment) = &self.payment {
                    work.consumers = souk_payment::consumers(payment);
                    work.jobs = souk_payment::jobs(payment);
                    work.schedules = souk_payment::schedules(payment);
                }
            }
            "inventory" => {
                if let Some(inventory) = &self.inventory {
                    work.consumers = souk_inventory::consumers(inventory);
                    work.schedules = souk_inventory::schedules(inventory);
                }
            }
            "identity" => {
                if let Some(identity) = &self.identity {
                    work.schedules = souk_identity::schedules(identity);
                }
            }
            "notification" => {
                if let Some(notification) = &self.notification {
                    work.consumers = souk_notification::consumers(notification);
                }
            }
            _ => {}
        }
        work
    }
}

/// The client of a service that is here, or the channel to where it is.
macro_rules! client {
    ($plan:expr, $name:literal, $service:expr, $Api:path, $Client:ident) => {
        match &$service {
            Some(service) => $Client::Local(service.clone() as Arc<dyn $Api>),
            None => $Client::Remote($plan.channel($name)),
        }
    };
}

/// Makes the services of this process and the clients of all.
pub async fn wire(plan: &Plan<'_>, stores: &mut Stores) -> anyhow::Result<(Services, Clients)> {
    let (clock, ids, tasks) = (Clock::system(), Ids::random(), plan.tasks.clone());
    let mut services = Services::default();

    if plan.hosts("shipping") {
        let db = stores.of("shipping").await?;
        services.shipping = Some(ShippingService::new(ShippingDeps { db, clock: clock.clone(), ids: ids.clone() }));
    }
    let shipping = client!(plan, "shipping", services.shipping, ShippingApi, ShippingClient);

    if plan.hosts("inventory") {
        let db = stores.of("inventory").await?;
        let deps = InventoryDeps { db, tasks: tasks.clone() };
        services.inventory = Some(InventoryService::new(deps));
    }
    let inventory = client!(plan, "inventory", services.inventory, InventoryApi, InventoryClient);

    if plan.hosts("pricing") {
        let db = stores.of("pricing").await?;
        let terms = souk_pricing_api::ShopTerms {
            currency: plan.config.shop.currency,
            prices_include_tax: plan.config.shop.prices_include_tax,
            country: plan.config.shop.country.clone(),
        };
        let deps = PricingDeps { db, tasks: tasks.clone(), terms };
        services.pricing = Some(PricingService::new(deps));
    }
    let pricing = client!(plan, "pricing", services.pricing, PricingApi, PricingClient);

    if plan.hosts("catalog") {
        let deps = CatalogDeps {
            db: stores.of("catalog").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            pricing: pricing.clone(),
            inventory: inventory.clone(),
            objects: souk_objects::Objects::local(&plan.config.data_dir.join("media"))?,
        };
        services.catalog = Some(CatalogService::new(deps));
    }
    let catalog = client!(plan, "catalog", services.catalog, CatalogApi, CatalogClient);

    if let Some(index) = plan.index() {
        let deps = SearchDeps {
            db: stores.of("search").await?,
            tasks: tasks.clone(),
            index,
            catalog: catalog.clone(),
            pricing: pricing.clone(),
            inventory: inventory.clone(),
        };
        services.search = Some(SearchService::new(deps)?);
    }
    let search = client!(plan, "search", services.search, SearchApi, SearchClient);

    if plan.hosts("cart") {
        let deps = CartDeps {
            db: stores.of("cart").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            catalog: catalog.clone(),
            pricing: pricing.clone(),
            inventory: inventory.clone(),
        };
        services.cart = Some(CartService::new(deps));
    }
    let cart = client!(plan, "cart", services.cart, CartApi, CartClient);

    if plan.hosts("payment") {
        let mut providers: Vec<Arc<dyn souk_payment::Provider>> = Vec::new();
        if let Some(url) = &plan.sandbox_url {
            providers.push(Arc::new(souk_payment::SandboxProvider::new(crate::sandbox::settings(plan.keys, url))?));
        }
        let deps = PaymentDeps {
            db: stores.of("payment").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            providers,
            provider_timeout: souk_payment::DEFAULT_PROVIDER_TIMEOUT,
        };
        services.payment = Some(PaymentService::new(deps));
    }
    let payment = client!(plan, "payment", services.payment, PaymentApi, PaymentClient);

    if plan.hosts("order") {
        let deps = OrderDeps {
            db: stores.of("order").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            token_key: plan.keys.order_tokens(),
            cart: cart.clone(),
            pricing: pricing.clone(),
            inventory: inventory.clone(),
            payment: payment.clone(),
        };
        services.order = Some(OrderService::new(deps));
    }
    let order = client!(plan, "order", services.order, OrderApi, OrderClient);

    if plan.hosts("identity") {
        let deps = IdentityDeps {
            db: stores.of("identity").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            key_encryption_key: plan.keys.identity(),
        };
        services.identity = Some(IdentityService::new(deps));
    }
    let identity = client!(plan, "identity", services.identity, IdentityApi, IdentityClient);

    if plan.hosts("notification") {
        let deps = NotificationDeps {
            db: stores.of("notification").await?,
            shop: souk_notification::ShopConfig {
                name: plan.config.shop.name.clone(),
                public_url: plan.config.public_url(),
                from: plan.config.mail.from.clone(),
            },
            transport: match &plan.config.mail.smtp {
                Some(smtp) => souk_notification::MailTransport::Smtp(souk_notification::SmtpConfig {
                    host: smtp.host.clone(),
                    port: smtp.port,
                }),
                None => souk_notification::MailTransport::Folder(plan.config.data_dir.join("mail")),
            },
        };
        services.notification = Some(NotificationService::new(deps)?);
    }
    let notification = client!(plan, "notification", services.notification, NotificationApi, NotificationClient);

    let clients =
        Clients { identity, catalog, search, pricing, cart, order, payment, inventory, shipping, notification };
    Ok((services, clients))
}
