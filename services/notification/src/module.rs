//! Module manifest of notification, for the system's list of modules.

use serde::Deserialize;
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};
use souk_notification_api::NotificationClient;

use crate::consumers::Facts;
use crate::{
    MIGRATIONS, MailTransport, NotificationDeps, NotificationService, ShopConfig, SmtpConfig, consumers, run_sender,
};

/// What the rest of the system knows of it.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role { needs: &["postgres"], ..Role::new("notification", "says what was sent", 7119) },
        Role {
            needs: &["postgres", "smtp"],
            consumes: &[Facts::SOURCES],
            ..Role::new("notification-worker", "sends mails", 7139)
        },
    ],
    migrations: Some(&MIGRATIONS),
    build: Some(build),
    ..ModuleSpec::named("notification")
};

/// What is read of section `mail`.
#[derive(Deserialize)]
struct Settings {
    from: String,
    reply_to: Option<String>,
    smtp: Option<SmtpConfig>,
}

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let Settings { from, reply_to, smtp } = context.settings("mail")?;
    let shop = context.shop();
    let (name, public_url, time) = (shop.name.clone(), shop.public_url.clone(), shop.time.clone());
    let service = NotificationService::new(NotificationDeps {
        db: context.db()?,
        shop: ShopConfig { name, public_url, from, reply_to, time },
        transport: smtp.map_or_else(|| MailTransport::Folder(context.data_dir().join("mail")), MailTransport::Smtp),
    })?;
    let (tasks, sending) = (context.tasks(), service.clone());
    Ok(Module {
        consumers: consumers(&service),
        background: vec![Box::new(move || run_sender(&tasks, &sending))],
        ..Module::serving::<NotificationClient>(service)
    })
}
