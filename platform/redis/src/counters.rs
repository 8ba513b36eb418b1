//! Shared rate counters, for rates that several processes give out together. Each counts for itself and now and then adds
//! what it gave out to a common account; no request waits for it.

use futures_util::StreamExt;
use futures_util::stream;
use redis::Value;

use crate::Redis;
use crate::client::Lua;

/// Accounts brought up to date at the same time.
const AT_ONCE: usize = 64;

/// An account is the time at which it would be even again (microseconds of Redis' clock). Adds ARGV[1] microseconds of debt;
/// answers with the whole debt.
const SPEND: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local even = tonumber(redis.call('GET', KEYS[1]) or '0')
if even < now then even = now end
even = even + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', even), 'PX', math.ceil((even - now) / 1000) + 1000)
return even - now";

/// What was given out on an account since the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Whose account; no personal data, it is stored.
    pub account: String,
    /// Microseconds until the rate has made up for it.
    pub debt_us: i64,
}

/// Common accounts.
#[derive(Clone)]
pub struct Counters {
    redis: Redis,
    name: &'static str,
    version: u32,
    spend: Lua,
}

impl Counters {
    /// Accounts of the kind `name`; `version` changes with their meaning.
    pub fn new(redis: Redis, name: &'static str, version: u32) -> Self {
        Self { redis, name, version, spend: Lua::new(SPEND) }
    }

    /// Adds to the accounts; the debt of each, all processes together, in microseconds from now, in order; none when Redis
    /// did not say.
    pub async fn spend(&self, spent: Vec<Spent>) -> Vec<Option<i64>> {
        let adding = spent.into_iter().map(|spent| self.clone().add(spent));
        stream::iter(adding).buffered(AT_ONCE).collect().await
    }

    async fn add(self, spent: Spent) -> Option<i64> {
        let key = self.redis.key(self.name, self.version, &spent.account);
        let debt = spent.debt_us.to_string();
        match self.redis.run("spend", &key, &self.spend, &[debt.as_bytes()]).await? {
            Value::Int(debt) => Some(debt),
            _ => None,
        }
    }
}
