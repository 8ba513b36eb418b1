//! Implementation of the contract: checks, permissions, and the batcher that lets concurrent callers share a commit.

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::{Db, DbError};
use souk_flow::Outbox;
use souk_inventory_api::{
    Adjust, Adjusted, Audit, AuditRequest, Availabilities, Availability, AvailabilityRequest, ByKey, InventoryApi,
    MAX_BATCH, PoliciesSet, Reservation, Reserve, SetPolicies,
};
use souk_kernel::Problem;
use souk_rpc::{Cx, Permission};
use souk_runtime::{Batch, Batcher, Tasks};
use uuid::Uuid;

use crate::command_batch::{CommandBatch, MAX_COMBINED};
use crate::domain::{self, Command, Plan};
use crate::store;

/// Tries of a batch of corrections that lost a race with another one.
const MAX_TRIES: usize = 5;
/// Namespace of the ids under which corrections with an idempotency key are remembered.
const ADJUSTMENT_IDS: Uuid = Uuid::from_u128(0x41d6_0c52_7f0b_5e0c_8a55_93bd_7c2e_aa02);

/// What inventory needs.
pub struct InventoryDeps {
    /// Its own schema.
    pub db: Db,
    /// For the batcher.
    pub tasks: Tasks,
}

/// Stock. Made once per process by [`crate::SPEC`].
pub struct InventoryService {
    db: Db,
    outbox: Outbox,
    command_batch: CommandBatch,
    commands: Batcher<Command, Reservation>,
}

impl InventoryService {
    /// Starts the batcher.
    pub fn new(deps: InventoryDeps) -> Arc<Self> {
        let command_batch = CommandBatch::new(&deps.db);
        let commands = Batcher::new(&deps.tasks, "inventory.commands", MAX_COMBINED, {
            let command_batch = command_batch.clone();
            move |batch: Batch<Command>| {
                let command_batch = command_batch.clone();
                async move { command_batch.execute(&batch).await }
            }
        });
        Arc::new(Self { outbox: Outbox::new(&deps.db), db: deps.db, command_batch, commands })
    }

    /// For consumers and schedules.
    pub(crate) fn command_batch(&self) -> &CommandBatch {
        &self.command_batch
    }

    /// The service's database.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// Units that can be bought; what the public route answers with.
    pub(crate) async fn available(&self, skus: &[impl AsRef<str> + Sync]) -> Result<Vec<Availability>, Problem> {
        match skus.is_empty() {
            true => Ok(Vec::new()),
            false => Ok(store::availability(self.db.primary(), skus).await?),
        }
    }

    async fn adjust_once(&self, request: &Adjust, id: Option<Uuid>) -> Result<Adjusted, DbError> {
        let mut skus: Vec<&str> = request.lines.iter().map(|line| line.sku.as_str()).collect();
        skus.sort_unstable();
        let tx = self.db.begin().await?;
        if let Some(id) = id
            && !store::claim_adjustment(&tx, id).await?
        {
            let (changed, refused) = store::adjustment(&tx, id).await?;
            return Ok(Adjusted { changed: u64::try_from(changed).unwrap_or(0), refused });
        }
        let known = store::lock_for_plan(&tx, &skus).await?;
        let plan: Plan = domain::plan(store::MAIN_WAREHOUSE, &request.lines, &known);
        if !plan.is_empty() && !store::write_plan(&tx, &plan, &request.note).await? {
            return Err(DbError::Serialization("another process was first with one of these SKUs".into()));
        }
        if let Some(id) = id {
            let changed = i64::try_from(plan.changed()).unwrap_or(i64::MAX);
            store::finish_adjustment(&tx, id, changed, &plan.refused).await?;
        }
        self.outbox.push_all(&tx, &plan.availability_changes).await?;
        tx.commit().await?;
        if !plan.availability_changes.is_empty() {
            self.outbox.wake();
        }
        Ok(Adjusted { changed: plan.changed(), refused: plan.refused })
    }

    async fn set_policies_once(&self, request: &SetPolicies) -> Result<PoliciesSet, DbError> {
        let mut skus: Vec<&str> = request.items.iter().map(|item| item.sku.as_str()).collect();
        skus.sort_unstable();
        let tx = self.db.begin().await?;
        let known = store::lock_for_plan(&tx, &skus).await?;
        let plan = domain::plan_policies(&request.items, &known);
        if plan.changes.is_empty() {
            return Ok(PoliciesSet::default());
        }
        store::set_policies(&tx, &plan.changes).await?;
        self.outbox.push_all(&tx, &plan.availability_changes).await?;
        tx.commit().await?;
        if !plan.availability_changes.is_empty() {
            self.outbox.wake();
        }
        Ok(PoliciesSet { changed: plan.changes.len() as u64 })
    }
}

#[async_trait]
impl InventoryApi for InventoryService {
    async fn availability(&self, _cx: &Cx, request: AvailabilityRequest) -> Result<Availabilities, Problem> {
        domain::check_skus(&request.skus, MAX_BATCH)?;
        Ok(Availabilities { items: self.available(&request.skus).await? })
    }

    async fn adjust(&self, cx: &Cx, request: Adjust) -> Result<Adjusted, Problem> {
        cx.actor.require(Permission::Inventory)?;
        domain::check_adjust(&request)?;
        if request.lines.is_empty() {
            return Ok(Adjusted::default());
        }
        let id = match &cx.idempotency_key {
            Some(key) => Some(adjustment_id(&cx.actor.scope(), key, &request)?),
            None => None,
        };
        let mut tries = 0;
        loop {
            match self.adjust_once(&request, id).await {
                Err(error) if error.is_retryable() && tries < MAX_TRIES => tries += 1,
                done => return Ok(done?),
            }
        }
    }

    async fn set_policies(&self, cx: &Cx, request: SetPolicies) -> Result<PoliciesSet, Problem> {
        cx.actor.require(Permission::Inventory)?;
        domain::check_policies(&request.items)?;
        let mut tries = 0;
        loop {
            match self.set_policies_once(&request).await {
                Err(error) if error.is_retryable() && tries < MAX_TRIES => tries += 1,
                done => return Ok(done?),
            }
        }
    }

    async fn reserve(&self, _cx: &Cx, request: Reserve) -> Result<Reservation, Problem> {
        let lines = domain::check_reserve(&request)?;
        self.commands.submit(Command::Reserve { key: request.key, lines, ttl_seconds: request.ttl_seconds }).await
    }

    async fn allocate(&self, _cx: &Cx, request: ByKey) -> Result<Reservation, Problem> {
        self.commands.submit(Command::Allocate(request.key)).await
    }

    async fn release(&self, _cx: &Cx, request: ByKey) -> Result<Reservation, Problem> {
        self.commands.submit(Command::Release(request.key)).await
    }

    async fn ship(&self, _cx: &Cx, request: ByKey) -> Result<Reservation, Problem> {
        self.commands.submit(Command::Ship(request.key)).await
    }

    async fn audit(&self, cx: &Cx, _request: AuditRequest) -> Result<Audit, Problem> {
        cx.actor.require(Permission::Inventory)?;
        Ok(store::audit(self.db.primary()).await?)
    }
}

/// The same caller, key and content are the same adjustment; several batches may share one key.
fn adjustment_id(scope: &str, key: &str, request: &Adjust) -> Result<Uuid, Problem> {
    let content = serde_json::to_string(request).map_err(Problem::internal)?;
    Ok(Uuid::new_v5(&ADJUSTMENT_IDS, format!("{scope}\n{key}\n{content}").as_bytes()))
}
