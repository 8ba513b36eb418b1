//! Module manifest of pricing, for the system's list of modules.

use souk_flow::{Envelope, Source};
use souk_kernel::{Event, Problem};
use souk_module::{BuildContext, BuildError, Invalidation, Module, ModuleSpec, Role};
use souk_pricing_api::{PriceChanged, PricingClient, ShopTerms};

use crate::{MIGRATIONS, PricingDeps, PricingService, schedules};

/// What the rest of the system knows of it. Buyers see prices on pages of others.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres"],
            emits: &[PriceChanged::TYPE],
            ..Role::new("pricing", "prices, coupons, taxes, shipping rates", 7113)
        },
        Role { needs: &["postgres"], ..Role::new("pricing-worker", "housekeeping of pricing", 7133) },
    ],
    migrations: Some(&MIGRATIONS),
    invalidates: Some(Invalidation { source: SHOWN, keys: shown_by }),
    build: Some(build),
    ..ModuleSpec::named("pricing")
};

/// What pages show of it.
const SHOWN: Source = Source { schema: "pricing", types: &[PriceChanged::TYPE] };

fn shown_by(event: &Envelope, keys: &mut Vec<String>) -> Result<(), Problem> {
    if let Some(changed) = event.parse::<PriceChanged>()? {
        keys.push(format!("product/{}", changed.product_id));
    }
    Ok(())
}

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let shop = context.shop();
    let terms = ShopTerms {
        currency: shop.currency,
        prices_include_tax: shop.prices_include_tax,
        country: shop.country.clone(),
    };
    let service = PricingService::new(PricingDeps { db: context.db()?, tasks: context.tasks(), terms });
    let prepared = service.clone();
    Ok(Module {
        schedules: schedules(&service),
        // Rates to quote with.
        prepare: Some(Box::new(move || {
            let service = prepared.clone();
            Box::pin(async move { service.seed_defaults().await.map(drop) })
        })),
        ..Module::serving::<PricingClient>(service)
    })
}
