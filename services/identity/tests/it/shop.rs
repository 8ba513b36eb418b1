//! Test fixture, a shop of one test: a database of its own, one or more processes of identity on it, and customers with
//! verbs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use souk_db::{Db, Json, RowExt};
use souk_identity::{IdentityDeps, IdentityService, MIGRATIONS};
use souk_identity_api::{
    Confirm, Customer, IdentityClient, LinkRequested, Login, MeRequest, PutAddress, RefreshTokens, Register,
    RequestLink, Session, SessionRequest, SignIn, SignedIn,
};
use souk_kernel::{Clock, Event, Ids, Problem, Secret};
use souk_postgres::TestDb;
use souk_redis::{Redis, RedisSettings};
use souk_rpc::{Actor, Cx};
use souk_runtime::Tasks;
use souk_shipping_api::Address;

/// The password of all customers here.
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
        redis.all_connected().await;
        self.process_with([9; 32], Some(redis)).await
    }

    /// One whose background work runs in `tasks`, so that it can be waited for.
    pub async fn process_of(&self, tasks: &Tasks) -> Process {
        self.process_in([9; 32], None, tasks).await
    }

    async fn process_with(&self, key: [u8; 32], redis: Option<Redis>) -> Process {
        self.process_in(key, redis, &self.tasks).await
    }

    async fn process_in(&self, key: [u8; 32], redis: Option<Redis>, tasks: &Tasks) -> Process {
        let db = self.test_db.db("identity").await;
        let service = IdentityService::new(IdentityDeps {
            db: db.clone(),
            tasks: tasks.clone(),
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

    /// So many seconds go by, as far as counted tries and links are concerned.
    pub async fn wait(&self, seconds: f64) {
        let db = self.test_db.superuser("identity").await;
        let tries = "update login_attempt set at = at - make_interval(secs => $1),
            blocked_until = blocked_until - make_interval(secs => $1)";
        let links = "update account_link set created_at = created_at - make_interval(secs => $1),
            expires_at = expires_at - make_interval(secs => $1)";
        let told = "update customer set attempts_told_at = attempts_told_at - make_interval(secs => $1)";
        for sql in [tries, links, told] {
            db.write_one(sql, &[&seconds]).await.unwrap();
        }
    }

    /// Events of this type, the oldest first.
    pub async fn events<E: Event + serde::de::DeserializeOwned>(&self) -> Vec<E> {
        let db = self.test_db.superuser("identity").await;
        let sql = "select data::jsonb from outbox where type = $1 order by seq";
        let rows = db.primary().query(sql, &[&E::TYPE]).await.unwrap();
        let read = |row: &souk_db::Row| -> Json<E> { row.get_col(0).unwrap() };
        rows.iter().map(|row| read(row).0).collect()
    }

    /// The last link that was sent.
    pub async fn last_link(&self) -> LinkRequested {
        self.events::<LinkRequested>().await.pop().expect("a link was sent")
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

/// A guest at this address.
pub fn at(client: &str) -> Cx {
    guest().from_client(Some(client.parse().unwrap()))
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

    /// At an address, on a device that may be known.
    pub async fn sign_in(
        &self,
        client: &str,
        email: &str,
        password: &str,
        device: Option<&Secret<String>>,
    ) -> Result<SignedIn, Problem> {
        let request = SignIn { email: email.into(), password: secret(password), device_token: device.cloned() };
        self.client.sign_in(&at(client), request).await
    }

    pub async fn ask_for_link(&self, email: &str, name: &str) -> Result<(), Problem> {
        let request = RequestLink { email: email.into(), name: name.into(), password: None };
        self.client.request_link(&guest(), request).await
    }

    pub async fn confirm(&self, token: &Secret<String>, password: &str) -> Result<SignedIn, Problem> {
        self.client.confirm(&guest(), Confirm { token: token.clone(), password: secret(password) }).await
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
