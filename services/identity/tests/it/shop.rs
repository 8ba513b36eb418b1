//! A shop of one test: a database of its own, one or more processes of identity on it, and customers with verbs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use souk_db::{Db, RowExt, TestDb};
use souk_identity::{IdentityDeps, IdentityService, MIGRATIONS};
use souk_identity_api::{
    Customer, IdentityClient, Login, MeRequest, PutAddress, RefreshTokens, Register, Session, SessionRequest, SignedIn,
};
use souk_kernel::{Clock, Ids, Problem, Secret};
use souk_modules::Tasks;
use souk_redis::{Redis, RedisSettings};
use souk_rpc::{Actor, Cx};
use souk_shipping_api::Address;

/// The password of everybody here.
pub const PASSWORD: &str = "correct horse battery";

pub struct Shop {
    pub test_db: TestDb,
    pub tasks: Tasks,
    pub clock: Clock,
}

/// One process of identity.
pub struct Process {
    pub service: Arc<IdentityService>,
    pub client: IdentityClient,
    pub db: Db,
}

impl Shop {
    pub async fn open() -> Shop {
        let clock = Clock::manual(Timestamp::from_second(1_800_000_000).unwrap());
        Shop { test_db: TestDb::new(&[&MIGRATIONS]).await, tasks: Tasks::new(), clock }
    }

    pub async fn process(&self) -> Process {
        self.process_with_key([9; 32]).await
    }

    pub async fn process_with_key(&self, key: [u8; 32]) -> Process {
        self.process_with(key, None).await
    }

    /// One that asks Redis first; connected.
    pub async fn process_on(&self, server: &souk_engines::Redis) -> Process {
        self.process_waiting(server, Duration::from_secs(10)).await
    }

    /// The same, waiting so long for Redis.
    pub async fn process_waiting(&self, server: &souk_engines::Redis, call: Duration) -> Process {
        let settings = RedisSettings { nodes: vec![server.url()], installation: "shop".into(), call };
        let redis = Redis::new(&settings, &self.tasks).unwrap();
        redis.whole().await;
        self.process_with([9; 32], Some(redis)).await
    }

    async fn process_with(&self, key: [u8; 32], redis: Option<Redis>) -> Process {
        let db = self.test_db.db("identity").await;
        let service = IdentityService::new(IdentityDeps {
            db: db.clone(),
            tasks: self.tasks.clone(),
            clock: self.clock.clone(),
            ids: Ids::random(),
            key_encryption_key: Secret::new(key),
            redis,
        });
        Process { client: IdentityClient::Local(service.clone()), service, db }
    }

    /// Behind the service's back.
    pub async fn sql(&self, sql: &'static str) -> u64 {
        self.test_db.superuser("identity").await.write_one(sql, &[]).await.unwrap()
    }

    /// One number, behind the service's back.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let db = self.test_db.superuser("identity").await;
        db.primary().query_one(sql, &[]).await.unwrap().get_col(0).unwrap()
    }
}

pub fn guest() -> Cx {
    Cx::new("test", Actor::Anonymous)
}

pub fn as_customer(customer: &Customer) -> Cx {
    Cx::new("test", Actor::Customer(customer.id.0))
}

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub fn address(city: &str) -> Address {
    Address {
        name: "Ada Lovelace".into(),
        line1: "1 Analytical Way".into(),
        city: city.into(),
        postal_code: "12345".into(),
        country: "DE".into(),
        ..Address::default()
    }
}

impl Process {
    pub async fn register(&self, email: &str) -> SignedIn {
        let request = Register { email: email.into(), password: secret(PASSWORD), name: "Ada".into() };
        self.client.register(&guest(), request).await.unwrap()
    }

    pub async fn login(&self, email: &str, password: &str) -> Result<SignedIn, Problem> {
        self.client.login(&guest(), Login { email: email.into(), password: secret(password) }).await
    }

    pub async fn refresh(&self, token: &Secret<String>) -> Result<SignedIn, Problem> {
        self.client.refresh(&guest(), RefreshTokens { refresh_token: token.clone() }).await
    }

    pub async fn session(&self, token: &Secret<String>) -> Result<Session, Problem> {
        self.client.session(&guest(), SessionRequest { session_token: token.clone() }).await
    }

    pub async fn me(&self, customer: &Customer) -> Customer {
        self.client.me(&as_customer(customer), MeRequest {}).await.unwrap()
    }

    pub async fn add_address(&self, customer: &Customer, city: &str, make_default: bool) -> Result<Customer, Problem> {
        let put = PutAddress { id: None, address: address(city), make_default };
        self.client.put_address(&as_customer(customer), put).await
    }
}
