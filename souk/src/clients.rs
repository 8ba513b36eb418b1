//! Clients of the services that commands and tests call. A service that is only called by others needs no line here.

use souk_cart_api::CartClient;
use souk_catalog_api::CatalogClient;
use souk_identity_api::IdentityClient;
use souk_inventory_api::InventoryClient;
use souk_module::{Host, LocalClients};
use souk_notification_api::NotificationClient;
use souk_order_api::OrderClient;
use souk_payment_api::PaymentClient;
use souk_pricing_api::PricingClient;
use souk_rpc::Client;
use souk_search_api::SearchClient;
use souk_shipping_api::ShippingClient;

/// The client of a service that is here, or of one that `caller`, a role of this process, reaches elsewhere.
pub fn client<C: Client>(caller: &str, host: &dyn Host, local: &LocalClients) -> anyhow::Result<C> {
    match local.get::<C>() {
        Some(here) => Ok(here),
        None => Ok(C::from(host.channel(caller, C::ROLE).map_err(anyhow::Error::from_boxed)?)),
    }
}

macro_rules! clients {
    ($($service:ident: $Client:ty,)+) => {
        /// A client for every service.
        #[derive(Clone)]
        pub struct Clients {
            $(pub $service: $Client,)+
        }

        impl Clients {
            /// Every service as `caller`, a role of this process, reaches it: with its certificate and no other's.
            pub fn of(caller: &str, host: &dyn Host, local: &LocalClients) -> anyhow::Result<Self> {
                Ok(Self { $($service: client(caller, host, local)?,)+ })
            }
        }
    };
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

clients! {
    identity: IdentityClient,
    catalog: CatalogClient,
    search: SearchClient,
    pricing: PricingClient,
    cart: CartClient,
    order: OrderClient,
    payment: PaymentClient,
    inventory: InventoryClient,
    shipping: ShippingClient,
    notification: NotificationClient,
}
