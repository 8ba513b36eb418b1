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
use souk_notification::{NotificationDeps, NotificationService};
use souk_notification_api::{NotificationApi, NotificationClient};
use souk_order::{OrderDeps, OrderService};
use souk_order_api::{OrderApi, OrderClient};
use souk_payment::{PaymentDeps, PaymentService};
use souk_payment_api::{PaymentApi, PaymentClient};
use souk_pricing::{PricingDeps, PricingService};
use souk_pricing_api::{PricingApi, PricingClient};
use souk_redis::Redis;
use souk_rpc::{Channel, Remote};
use souk_runtime::Tasks;
use souk_search::{IndexConfig, SearchDeps, SearchService};
use souk_search_api::{SearchApi, SearchClient};
use souk_shipping::{ShippingDeps, ShippingService};
use souk_shipping_api::{ShippingApi, ShippingClient};

use crate::config::Config;
use crate::identities::Identities;
use crate::keys::Keys;
use crate::stores::Stores;

/// What wiring needs to know.
pub struct Plan<'a> {
    pub config: &'a Config,
    pub keys: &'a Keys,
    /// Certificates of the roles of this process, when roles speak TLS.
    pub identities: &'a Identities,
    pub tasks: &'a Tasks,
    /// Names of the roles of this process.
    pub roles: &'a [&'static str],
    /// The shared caches, if there are any.
    pub redis: Option<Redis>,
    /// Where the sandbox provider listens.
    pub sandbox_url: Option<String>,
}

impl Plan<'_> {
    /// The role as which `service` runs in this process, for its API or, without that, for its worker.
    fn runs_as(&self, service: &str) -> Option<&'static str> {
        let worker = |role: &&&'static str| role.strip_suffix("-worker") == Some(service);
        self.roles.iter().find(|role| **role == service).or(self.roles.iter().find(worker)).copied()
    }

    /// The index this process works on. An embedded one belongs to the process that searches: its worker has none.
    fn index(&self) -> anyhow::Result<Option<IndexConfig>> {
        let search = &self.config.search;
        if search.opensearch.is_empty() {
            let embedded = || IndexConfig::Embedded(self.config.data_dir.join("search"));
            return Ok(self.roles.contains(&"search").then(embedded));
        }
        Ok(self.runs_as("search").map(|_| search.shared()).transpose()?)
    }

    /// How `caller`, a role of this process, reaches `callee`, which is not.
    pub fn channel(&self, caller: &str, callee: &'static str) -> anyhow::Result<Channel> {
        self.channel_to(caller, callee, self.config.addresses(callee))
    }

    /// The same to those instances of `callee` that listen at `addresses`.
    pub fn channel_to(&self, caller: &str, callee: &'static str, addresses: Vec<String>) -> anyhow::Result<Channel> {
        self.identities.channel(caller, Remote { role: callee, addresses }, self.keys.actor())
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

impl Clients {
    /// Those that products are imported through and exported from.
    pub fn shop(&self) -> souk_import::Shop {
        souk_import::Shop {
            catalog: self.catalog.clone(),
            pricing: self.pricing.clone(),
            inventory: self.inventory.clone(),
        }
    }
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
                    search.spawn_maintenance();
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

/// The client of a service that is here, or the channel of `caller` to where it is.
macro_rules! clients {
    ($($make:ident, $name:literal, $service:ident, $Api:path, $Client:ident;)+) => {
        impl Services {
            $(fn $make(&self, plan: &Plan<'_>, caller: &str) -> anyhow::Result<$Client> {
                Ok(match &self.$service {
                    Some(service) => $Client::Local(service.clone() as Arc<dyn $Api>),
                    None => $Client::Remote(plan.channel(caller, $name)?),
                })
            })+
        }
        impl Clients {
            /// Every service as `caller`, a role of this process, reaches it: with its certificate and no other's.
            pub fn of(caller: &str, plan: &Plan<'_>, services: &Services) -> anyhow::Result<Self> {
                Ok(Self { $($service: services.$make(plan, caller)?,)+ })
            }
        }
    };
}

clients! {
    identity_for, "identity", identity, IdentityApi, IdentityClient;
    catalog_for, "catalog", catalog, CatalogApi, CatalogClient;
    search_for, "search", search, SearchApi, SearchClient;
    pricing_for, "pricing", pricing, PricingApi, PricingClient;
    cart_for, "cart", cart, CartApi, CartClient;
    order_for, "order", order, OrderApi, OrderClient;
    payment_for, "payment", payment, PaymentApi, PaymentClient;
    inventory_for, "inventory", inventory, InventoryApi, InventoryClient;
    shipping_for, "shipping", shipping, ShippingApi, ShippingClient;
    notification_for, "notification", notification, NotificationApi, NotificationClient;
}

/// Makes the services of this process, those that are called before those that call them.
pub async fn wire(plan: &Plan<'_>, stores: &mut Stores) -> anyhow::Result<Services> {
    let (clock, ids, tasks) = (Clock::system(), Ids::random(), plan.tasks.clone());
    let mut services = Services::default();

    if plan.runs_as("shipping").is_some() {
        let db = stores.of("shipping").await?;
        services.shipping = Some(ShippingService::new(ShippingDeps { db, clock: clock.clone(), ids: ids.clone() }));
    }

    if plan.runs_as("inventory").is_some() {
        let db = stores.of("inventory").await?;
        let deps = InventoryDeps { db, tasks: tasks.clone() };
        services.inventory = Some(InventoryService::new(deps));
    }

    if plan.runs_as("pricing").is_some() {
        let db = stores.of("pricing").await?;
        let terms = souk_pricing_api::ShopTerms {
            currency: plan.config.shop.currency,
            prices_include_tax: plan.config.shop.prices_include_tax,
            country: plan.config.shop.country.clone(),
        };
        let deps = PricingDeps { db, tasks: tasks.clone(), terms };
        services.pricing = Some(PricingService::new(deps));
    }

    if let Some(me) = plan.runs_as("catalog") {
        let deps = CatalogDeps {
            db: stores.of("catalog").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            pricing: services.pricing_for(plan, me)?,
            inventory: services.inventory_for(plan, me)?,
            redis: plan.redis.clone(),
            objects: plan.config.objects()?,
        };
        services.catalog = Some(CatalogService::new(deps));
    }

    if let (Some(me), Some(index)) = (plan.runs_as("search"), plan.index()?) {
        let deps = SearchDeps {
            db: stores.of("search").await?,
            tasks: tasks.clone(),
            index,
            catalog: services.catalog_for(plan, me)?,
            pricing: services.pricing_for(plan, me)?,
            inventory: services.inventory_for(plan, me)?,
        };
        services.search = Some(SearchService::new(deps)?);
    }

    if let Some(me) = plan.runs_as("cart") {
        let deps = CartDeps {
            db: stores.of("cart").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            catalog: services.catalog_for(plan, me)?,
            pricing: services.pricing_for(plan, me)?,
            inventory: services.inventory_for(plan, me)?,
        };
        services.cart = Some(CartService::new(deps));
    }

    if plan.runs_as("payment").is_some() {
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

    if let Some(me) = plan.runs_as("order") {
        let deps = OrderDeps {
            db: stores.of("order").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            token_key: plan.keys.order_tokens(),
            seal_key: plan.keys.payment_tokens(),
            require_expected_total: plan.config.orders.require_expected_total,
            cart: services.cart_for(plan, me)?,
            pricing: services.pricing_for(plan, me)?,
            inventory: services.inventory_for(plan, me)?,
            payment: services.payment_for(plan, me)?,
            unpaid: plan.config.payment.unpaid(),
        };
        services.order = Some(OrderService::new(deps));
    }

    if plan.runs_as("identity").is_some() {
        let deps = IdentityDeps {
            db: stores.of("identity").await?,
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            key_encryption_key: plan.keys.identity(),
            redis: plan.redis.clone(),
        };
        services.identity = Some(IdentityService::new(deps));
    }

    if plan.runs_as("notification").is_some() {
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

    Ok(services)
}
