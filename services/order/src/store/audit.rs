//! The audit of orders: sagas that have not ended, tasks for people, totals, and what was sold.

use souk_db::{DbError, Row, RowExt};
use souk_kernel::Problem;
use souk_order_api::{OrderId, SagaTask, SoldUnits};

use super::{Store, db_problem, uuids};

const UNFINISHED: &str = "select id from saga where phase in ('forward', 'undo') and lease_until <> 'infinity'
    order by created_at limit 1000";
const TASKS: &str = "select id, kind, coalesce(state ->> 'order_id', id::text) as order_id, stuck_at, tasks from saga
    where stuck_at is not null order by stuck_at limit 1000";
const WRONG_TOTALS: &str = "select id from orders o where subtotal
        <> (select coalesce(sum((line -> 'total' ->> 'amount')::bigint), 0) from json_array_elements(o.lines) line)
    or discount <> (select coalesce(sum((line -> 'discount' ->> 'amount')::bigint), 0) from json_array_elements(o.lines) line)
    limit 1000";
const SOLD: &str = "select count(*) as sold from orders where status in ('confirmed', 'shipped', 'delivered')";
const SOLD_UNITS: &str = "select line ->> 'sku' as sku, sum((line ->> 'quantity')::bigint)::bigint as units
    from orders, json_array_elements(lines) line where status in ('confirmed', 'shipped', 'delivered')
    group by 1 order by 1";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("UNFINISHED", UNFINISHED),
    ("TASKS", TASKS),
    ("WRONG_TOTALS", WRONG_TOTALS),
    ("SOLD", SOLD),
    ("SOLD_UNITS", SOLD_UNITS),
];

impl Store {
    pub async fn audit(&self) -> Result<souk_order_api::Audit, Problem> {
        let reads = self.db.primary();
        let (unfinished, tasks, wrong, sold, units) = tokio::try_join!(
            reads.query(UNFINISHED, &[]),
            reads.query(TASKS, &[]),
            reads.query(WRONG_TOTALS, &[]),
            reads.query_one(SOLD, &[]),
            reads.query(SOLD_UNITS, &[]),
        )?;
        let sold: i64 = sold.get_col("sold").map_err(db_problem)?;
        let unit = |row: &Row| Ok(SoldUnits { sku: row.get_col("sku")?, units: row.get_col("units")? });
        Ok(souk_order_api::Audit {
            unfinished_sagas: uuids(&unfinished, "id")?,
            tasks: tasks.iter().map(read_task).collect::<Result<_, _>>()?,
            wrong_totals: uuids(&wrong, "id")?.into_iter().map(OrderId).collect(),
            sold: sold.unsigned_abs(),
            sold_units: units.iter().map(unit).collect::<Result<_, DbError>>()?,
        })
    }
}

fn read_task(row: &Row) -> Result<SagaTask, Problem> {
    let order: String = row.get_col("order_id")?;
    Ok(SagaTask {
        saga: row.get_col("id")?,
        kind: row.get_col("kind")?,
        order: order.parse().map_err(Problem::internal)?,
        since: row.get_col("stuck_at")?,
        what: row.get_col("tasks")?,
    })
}
