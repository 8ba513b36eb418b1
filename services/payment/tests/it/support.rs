//! Test fixture: a service, its database, a sandbox that can be killed and started again, and looking behind their backs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use souk_db::{Db, RowExt};
use souk_eventually::eventually;
use souk_kernel::{Clock, Currency, Ids, Money, Problem, Secret};
use souk_payment::{MIGRATIONS, PaymentDeps, PaymentService, SandboxProvider, SandboxSettings};
use souk_payment_api::{Authorise, ByPayment, Payment, PaymentApi, PaymentClient, PaymentId, Refund, VoidPayment};
use souk_postgres::TestDb;
use souk_psp_sandbox::{SandboxConfig, SandboxError, WebhookConfig, serve};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const API_KEY: &str = "sk_sandbox";
pub const WEBHOOK_SECRET: &str = "whsec";

pub struct World {
    pub service: Arc<PaymentService>,
    pub client: PaymentClient,
    pub db: Db,
    pub tasks: Tasks,
    pub sandbox: Sandbox,
    pub clock: Clock,
    database: TestDb,
    ids: Ids,
}

/// The sandbox's process, as far as anybody can tell.
pub struct Sandbox {
    pub address: SocketAddr,
    config: SandboxConfig,
    _directory: tempfile::TempDir,
    running: Option<(CancellationToken, oneshot::Receiver<Result<(), SandboxError>>)>,
}

impl World {
    pub async fn new() -> Self {
        Self::with_webhooks(None).await
    }

    /// `webhooks`: where the sandbox posts to.
    pub async fn with_webhooks(webhooks: Option<WebhookConfig>) -> Self {
        let database = TestDb::new(&[&MIGRATIONS]).await;
        let db = database.db("payment").await;
        let sandbox = Sandbox::start(webhooks).await;
        let settings = SandboxSettings {
            base_url: format!("http://{}", sandbox.address),
            api_key: Secret::new(API_KEY.to_owned()),
            webhook_secrets: vec![Secret::new(WEBHOOK_SECRET.to_owned())],
        };
        let (tasks, clock) = (Tasks::new(), Clock::system());
        let service = PaymentService::new(PaymentDeps {
            db: db.clone(),
            tasks: tasks.clone(),
            clock: clock.clone(),
            providers: vec![Arc::new(SandboxProvider::new(settings).unwrap())],
            provider_timeout: Duration::from_millis(1500),
        });
        let client = PaymentClient::Local(service.clone() as Arc<dyn PaymentApi>);
        Self { service, client, db, tasks, sandbox, clock, database, ids: Ids::random() }
    }

    pub fn new_payment(&self) -> PaymentId {
        PaymentId(self.ids.v7(self.clock.now()))
    }

    pub async fn authorise(&self, id: PaymentId, cents: i64, token: &str) -> Result<Payment, Problem> {
        self.client.authorise(&cx(), request(id, cents, token)).await
    }

    /// A payment that holds `cents`.
    pub async fn authorised(&self, cents: i64) -> PaymentId {
        let id = self.new_payment();
        self.authorise(id, cents, "tok_ok").await.unwrap();
        id
    }

    pub async fn captured(&self, cents: i64) -> PaymentId {
        let id = self.authorised(cents).await;
        self.capture(id).await.unwrap();
        id
    }

    pub async fn capture(&self, id: PaymentId) -> Result<Payment, Problem> {
        self.client.capture(&cx(), ByPayment { payment_id: id }).await
    }

    pub async fn void(&self, id: PaymentId, cents: i64) -> Result<Payment, Problem> {
        let request =
            VoidPayment { payment_id: id, order_id: order_of(id), provider: "sandbox".into(), amount: eur(cents) };
        self.client.void(&cx(), request).await
    }

    pub async fn refund(&self, id: PaymentId, key: &str, cents: i64) -> Result<Payment, Problem> {
        self.client.refund(&cx(), Refund { payment_id: id, key: key.into(), amount: eur(cents) }).await
    }

    pub async fn payment(&self, id: PaymentId) -> Option<Payment> {
        let request = souk_payment_api::ByOrder { order_id: order_of(id) };
        let mut payments = self.client.by_order(&cx(), request).await.unwrap().items;
        assert!(payments.len() <= 1);
        payments.pop()
    }

    /// Status, captured and refunded of each `payment.changed.v1`, in order.
    pub async fn events(&self, id: PaymentId) -> Vec<(String, i64, i64)> {
        let sql = "select data::text as data from outbox where aggregate = $1 order by version";
        let rows = self.db.primary().query(sql, &[&id.0]).await.unwrap();
        let read = |row: &souk_db::Row| {
            let data: String = row.get_col("data").unwrap();
            let event: Value = serde_json::from_str(&data).unwrap();
            let payment = &event["payment"];
            let amount = |field: &str| payment[field]["amount"].as_i64().unwrap();
            (payment["status"].as_str().unwrap().to_owned(), amount("captured"), amount("refunded"))
        };
        rows.iter().map(read).collect()
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        self.db.primary().query_one(sql, &[]).await.unwrap().get_col(0).unwrap()
    }

    /// Changes tables as an intruder or a bug would.
    pub async fn tamper(&self, sql: &'static str, id: PaymentId) -> u64 {
        self.database.superuser("payment").await.write_one(sql, &[&id.0]).await.unwrap()
    }

    pub async fn alter(&self, sql: &'static str) {
        self.database.superuser("payment").await.write_one(sql, &[]).await.unwrap();
    }

    /// Runs the jobs that wait, without their delay, until none is left.
    pub async fn run_jobs(&self) {
        let tasks = Tasks::new();
        souk_flow::run_jobs(&tasks, &self.db, souk_payment::jobs(&self.service));
        eventually("jobs end", Duration::from_secs(20), async || {
            self.db.write_one("update job set run_at = now() where lease_until is null", &[]).await.unwrap();
            self.db.notify_after_commit("souk_jobs");
            self.count("select count(*) from job").await == 0
        })
        .await;
        tasks.drain(Duration::from_secs(5)).await.unwrap();
    }

    /// Nothing wrong in any book (I1).
    pub async fn assert_sound(&self) {
        let found = self.client.audit(&cx(), Default::default()).await.unwrap();
        let none: Vec<String> = Vec::new();
        assert_eq!((found.unbalanced, found.differs_from_provider), (none.clone(), none));
        assert_eq!(found.wrong_amounts, []);
    }
}

impl Sandbox {
    async fn start(webhook: Option<WebhookConfig>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = SandboxConfig::new(directory.path().to_owned(), Secret::new(API_KEY.to_owned()));
        config.slow = Duration::from_millis(50);
        config.webhook = webhook;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut sandbox = Self { address, config, _directory: directory, running: None };
        sandbox.run(listener);
        sandbox
    }

    fn run(&mut self, listener: TcpListener) {
        let token = CancellationToken::new();
        let ended = Tasks::new().run("sandbox", serve(listener, self.config.clone(), token.clone()));
        self.running = Some((token, ended));
    }

    /// Ends it; its address refuses connections afterwards.
    pub async fn kill(&mut self) {
        let (token, ended) = self.running.take().unwrap();
        token.cancel();
        ended.await.unwrap().unwrap();
    }

    pub async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.run(listener);
    }

    /// What the sandbox itself says of a payment: status, authorised, captured, refunded.
    pub async fn says(&self, id: PaymentId) -> Option<(String, i64, i64, i64)> {
        let (status, found) = self.call(Request::get(self.url(&format!("/v1/operations?key={id}"))), "").await;
        let a = &found["authorisation"];
        let n = |field: &str| a[field].as_i64().unwrap();
        (status == 200)
            .then(|| (a["status"].as_str().unwrap().to_owned(), n("authorised"), n("captured"), n("refunded")))
    }

    /// A merchant's call under `key`, past our service.
    pub async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        self.call(Request::post(self.url(path)).header("idempotency-key", key), body.to_string()).await
    }

    /// The buyer's click on the action page.
    pub async fn decide(&self, action_url: &str, decision: &str) {
        let request = Request::post(action_url).header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Full::new(Bytes::from(format!("decision={decision}")))).unwrap();
        assert_eq!(plain().request(request).await.unwrap().status(), 200);
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn call(&self, request: http::request::Builder, body: impl Into<Bytes>) -> (u16, Value) {
        let request =
            request.header("authorization", format!("Bearer {API_KEY}")).body(Full::new(body.into())).unwrap();
        let response = plain().request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }
}

fn plain() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

pub fn cx() -> Cx {
    Cx::system("test")
}

pub fn eur(cents: i64) -> Money {
    Currency::EUR.of(cents)
}

/// One order for each payment.
pub fn order_of(id: PaymentId) -> Uuid {
    Uuid::from_u128(id.0.as_u128() ^ 1)
}

pub fn request(id: PaymentId, cents: i64, token: &str) -> Authorise {
    Authorise {
        payment_id: id,
        order_id: order_of(id),
        amount: eur(cents),
        provider: "sandbox".into(),
        token: token.into(),
    }
}
