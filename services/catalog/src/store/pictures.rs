//! SQL of pictures: what was prepared, where pictures are fetched from, and which products name an address.

use std::collections::HashMap;

use jiff::Timestamp;
use souk_catalog_api::{
    CategoryId, Look, MAX_NAMED, Media, PictureReport, PictureState, ProductChanged, ProductId, SourcePicture,
};
use souk_db::{DbError, Json, Row, RowExt, Tx};
use souk_http_client::Validators;
use uuid::Uuid;

use super::{Store, Turn, json};
use crate::domain::pictures::KnownPicture;

/// Kind of the jobs that fetch a picture; their key is the source's id in hexadecimal digits.
pub(crate) const FETCH: &str = "fetch_picture";

/// Products that name `$1`.
macro_rules! naming {
    ($address:literal) => {
        concat!("jsonb_path_query_array(p.media, '$[*].source_url') @> to_jsonb(array[", $address, "]::text[])")
    };
}

const BY_SOURCE: &str = "select s.address, p.hash, p.width, p.height, p.placeholder, p.focus
    from unnest($1::text[]) as n (address)
    join picture_source s on s.id = sha256(convert_to(n.address, 'UTF8'))
    join picture p on p.hash = s.picture";
const BY_HASH: &str = "select hash, width, height, placeholder, focus from picture where hash = any($1)";
/// Those that were given up are tried again: the import names them anew.
const REGISTER: &str = "insert into picture_source (id, address, state, created_at)
    select sha256(convert_to(address, 'UTF8')), address, 'waiting', $2 from unnest($1::text[]) as n (address)
    on conflict (id) do update set state = 'waiting', code = null, reason = null where picture_source.state = 'failed'
    returning encode(id, 'hex') as id";
const SOURCE: &str = concat!(
    "select s.address, s.picture, s.etag, s.last_modified, exists (select 1 from product p where ",
    naming!("s.address"),
    ") as named from picture_source s where s.id = decode($1, 'hex')"
);
const FORGET: &str = "delete from picture_source where id = decode($1, 'hex')";
const KEEP: &str = "insert into picture (hash, width, height, placeholder, focus, created_at)
    values ($1, $2, $3, $4, $5, $6) on conflict (hash) do nothing";
const STORED: &str =
    "update picture_source set state = 'stored', picture = $2, etag = $3, last_modified = $4, code = null,
    reason = null, checked_at = $5 where id = decode($1, 'hex')";
const UNCHANGED: &str =
    "update picture_source set code = null, reason = null, checked_at = $2 where id = decode($1, 'hex')";
/// What is shown already stays: the merchant's server may be gone for good.
const FAILED: &str = "update picture_source set code = $2, reason = $3, checked_at = $4,
    state = case when not $5 then state when picture is null then 'failed' else 'stored' end where id = decode($1, 'hex')";
const NAMING: &str = concat!(
    "select p.id, p.slug, p.version, p.status, p.media, c.ancestors from product p join category c on c.id = p.category_id
    where ",
    naming!("$1"),
    " and not p.media @> jsonb_build_array(jsonb_build_object('source_url', $1::text, 'url', $2::text)) limit $3"
);
const SHOW: &str = "update product p set media = n.media::jsonb, version = p.version + 1, updated_at = $3
    from unnest($1::uuid[], $2::text[]) as n (id, media) where p.id = n.id";
const COUNTS: &str = "select state, count(*) as n from picture_source group by state";
const LIST: &str = concat!(
    "select s.address, s.state, s.code, s.reason, s.checked_at, j.run_at, k.hash, k.width, k.height,
        array(select p.slug from product p where ",
    naming!("s.address"),
    " order by p.slug limit $3) as products
    from picture_source s
    left join picture k on k.hash = s.picture
    left join job j on j.kind = 'fetch_picture' and j.key = encode(s.id, 'hex') and not j.dead
    where $1::text is null or s.state = $1
    order by s.checked_at desc nulls last, s.id limit $2"
);
/// A job that was set aside would keep its place for ever.
const FREE_JOBS: &str = "delete from job where kind = 'fetch_picture' and dead";
/// Also what a release of before wrote, which knew no sources.
const REGISTER_ALL: &str = "with named as (
        select distinct media.one ->> 'source_url' as address
        from product cross join lateral jsonb_array_elements(product.media) as media (one)
        where media.one ->> 'source_url' is not null and media.one ->> 'url' is null)
    insert into picture_source (id, address, state, created_at)
    select sha256(convert_to(address, 'UTF8')), address, 'waiting', $1 from named on conflict (id) do nothing";
const CHOOSE: &str = "update picture_source set state = case when picture is null then 'waiting' else state end
    where ($1 = 'all') or ($1 = 'failed' and state = 'failed')
        or ($1 = 'one' and id = sha256(convert_to($2::text, 'UTF8')))
    returning encode(id, 'hex') as id";
/// One that waits for its next try is not kept waiting.
const HURRY: &str =
    "update job set run_at = now() where kind = 'fetch_picture' and key = any($1) and lease_until is null";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("pictures_by_source", BY_SOURCE),
    ("pictures_by_hash", BY_HASH),
    ("register_sources", REGISTER),
    ("source", SOURCE),
    ("forget_source", FORGET),
    ("keep_picture", KEEP),
    ("source_stored", STORED),
    ("source_unchanged", UNCHANGED),
    ("source_failed", FAILED),
    ("products_naming", NAMING),
    ("show_pictures", SHOW),
    ("picture_counts", COUNTS),
    ("list_sources", LIST),
    ("free_jobs", FREE_JOBS),
    ("register_all", REGISTER_ALL),
    ("choose_sources", CHOOSE),
    ("hurry_jobs", HURRY),
];

/// An address to fetch a picture from.
pub(crate) struct PictureSource {
    pub(crate) address: String,
    /// Hash of what was fetched last.
    pub(crate) picture: Option<String>,
    pub(crate) known: Validators,
    /// Some product names it.
    pub(crate) named: bool,
}

/// Which addresses are fetched again.
#[derive(Clone, Copy)]
pub(crate) enum Choice<'a> {
    Failed,
    All,
    One(&'a str),
}

impl Store {
    /// The pictures that were made of content with these hashes.
    pub(crate) async fn pictures(&self, hashes: &[&str]) -> Result<HashMap<String, KnownPicture>, DbError> {
        let rows = self.db.primary().query(BY_HASH, &[&hashes]).await?;
        rows.iter().map(|row| picture(row).map(|picture| (picture.hash.clone(), picture))).collect()
    }

    /// Notes that a picture's files are in storage.
    pub(crate) async fn keep_picture(&self, picture: &KnownPicture, now: Timestamp) -> Result<(), DbError> {
        let KnownPicture { hash, width, height, look } = picture;
        let focus: Vec<i16> = look.focus.unwrap_or([50, 50]).map(i16::from).to_vec();
        let placeholder = look.placeholder.as_deref().unwrap_or_default();
        let (width, height) = (i32::from(*width), i32::from(*height));
        self.db.write_one(KEEP, &[hash, &width, &height, &placeholder, &focus, &now]).await?;
        Ok(())
    }

    /// The source with this id.
    pub(crate) async fn source(&self, id: &str) -> Result<Option<PictureSource>, DbError> {
        let rows = self.db.primary().query(SOURCE, &[&id]).await?;
        let source = |row: &Row| {
            Ok(PictureSource {
                address: row.get_col("address")?,
                picture: row.get_col("picture")?,
                known: Validators { etag: row.get_col("etag")?, last_modified: row.get_col("last_modified")? },
                named: row.get_col("named")?,
            })
        };
        rows.first().map(source).transpose()
    }

    /// Forgets a source that no product names any more.
    pub(crate) async fn forget_source(&self, id: &str) -> Result<(), DbError> {
        self.db.write_one(FORGET, &[&id]).await.map(drop)
    }

    /// Notes that a source has what it had.
    pub(crate) async fn source_unchanged(&self, id: &str, now: Timestamp) -> Result<(), DbError> {
        self.db.write_one(UNCHANGED, &[&id, &now]).await.map(drop)
    }

    /// Notes why a source could not be had, and whether it is given up.
    pub(crate) async fn source_failed(
        &self,
        id: &str,
        (code, reason): (&str, &str),
        given_up: bool,
        now: Timestamp,
    ) -> Result<(), DbError> {
        self.db.write_one(FAILED, &[&id, &code, &reason, &now, &given_up]).await.map(drop)
    }

    /// What became of sources.
    pub(crate) async fn picture_report(
        &self,
        state: Option<PictureState>,
        limit: i64,
    ) -> Result<PictureReport, DbError> {
        let named = i64::try_from(MAX_NAMED).unwrap_or(i64::MAX);
        let (state, primary) = (state.map(PictureState::name), self.db.primary());
        let list = primary.query(LIST, &[&state, &limit, &named]).await?;
        let counts = primary.query(COUNTS, &[]).await?;
        let mut report =
            PictureReport { items: list.iter().map(listed).collect::<Result<_, _>>()?, ..Default::default() };
        for row in &counts {
            let n: i64 = row.get_col("n")?;
            let count = match state_of(row)? {
                PictureState::Waiting => &mut report.waiting,
                PictureState::Stored => &mut report.stored,
                PictureState::Failed => &mut report.failed,
            };
            *count = n.unsigned_abs();
        }
        Ok(report)
    }

    /// Chooses sources to be fetched again; their ids.
    pub(crate) async fn choose_sources(tx: &Tx, choice: Choice<'_>, now: Timestamp) -> Result<Vec<String>, DbError> {
        tx.execute(FREE_JOBS, &[]).await?;
        let (which, address) = match choice {
            Choice::Failed => ("failed", None),
            Choice::All => {
                tx.execute(REGISTER_ALL, &[&now]).await?;
                ("all", None)
            }
            Choice::One(address) => ("one", Some(address)),
        };
        let rows = tx.query(CHOOSE, &[&which, &address]).await?;
        let ids = rows.iter().map(|row| row.get_col("id")).collect::<Result<Vec<String>, _>>()?;
        tx.execute(HURRY, &[&ids]).await?;
        Ok(ids)
    }
}

impl Turn {
    /// The pictures that were fetched from these addresses.
    pub(crate) async fn pictures_from(&self, sources: &[&str]) -> Result<HashMap<String, KnownPicture>, DbError> {
        if sources.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.tx.query(BY_SOURCE, &[&sources]).await?;
        rows.iter().map(|row| Ok((row.get_col("address")?, picture(row)?))).collect()
    }

    /// Notes that pictures lie at these addresses; the ids of those that have to be fetched.
    pub(crate) async fn register_sources(&self, addresses: &[&str], now: Timestamp) -> Result<Vec<String>, DbError> {
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.tx.query(REGISTER, &[&addresses, &now]).await?;
        rows.iter().map(|row| row.get_col("id")).collect()
    }

    /// Notes that the picture of a source is in storage.
    pub(crate) async fn source_stored(
        &self,
        id: &str,
        picture: &KnownPicture,
        validators: &Validators,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let Validators { etag, last_modified } = validators;
        self.tx.execute(STORED, &[&id, &picture.hash, etag, last_modified, &now]).await.map(drop)
    }

    /// Shows the picture of `address` on products that name it and do not show it yet, at most `limit`; the events of that.
    pub(crate) async fn show_picture(
        &self,
        address: &str,
        picture: &KnownPicture,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<ProductChanged>, DbError> {
        let rows = self.tx.query(NAMING, &[&address, &picture.url(), &limit]).await?;
        let (mut ids, mut media, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            let Json(mut shown) = row.get_col::<Json<Vec<Media>>>("media")?;
            let named = shown.iter_mut().filter(|media| media.source_url.as_deref() == Some(address));
            named.for_each(|media| picture.show(media));
            let id: Uuid = row.get_col("id")?;
            ids.push(id);
            media.push(json(&shown)?);
            let ancestors: Vec<Uuid> = row.get_col("ancestors")?;
            events.push(ProductChanged {
                product_id: ProductId(id),
                slug: row.get_col("slug")?,
                categories: ancestors.into_iter().rev().map(CategoryId).collect(),
                published: row.get_col::<&str>("status")? == "published",
                version: row.get_col::<i64>("version")? + 1,
            });
        }
        if !ids.is_empty() {
            self.tx.execute(SHOW, &[&ids, &media, &now]).await?;
        }
        Ok(events)
    }
}

fn picture(row: &Row) -> Result<KnownPicture, DbError> {
    let focus: Vec<i16> = row.get_col("focus")?;
    let percent = |at: usize| focus.get(at).and_then(|percent| u8::try_from(*percent).ok()).unwrap_or(50);
    let (width, height) = size(row)?;
    Ok(KnownPicture {
        hash: row.get_col("hash")?,
        width,
        height,
        look: Look { placeholder: row.get_col("placeholder")?, focus: Some([percent(0), percent(1)]) },
    })
}

fn size(row: &Row) -> Result<(u16, u16), DbError> {
    let pixels = |column: &'static str| {
        let pixels: i32 = row.get_col(column)?;
        u16::try_from(pixels).map_err(|_| DbError::Other(format!("{pixels} is no {column} of a picture")))
    };
    Ok((pixels("width")?, pixels("height")?))
}

fn state_of(row: &Row) -> Result<PictureState, DbError> {
    match row.get_col("state")? {
        "waiting" => Ok(PictureState::Waiting),
        "stored" => Ok(PictureState::Stored),
        "failed" => Ok(PictureState::Failed),
        other => Err(DbError::Other(format!("{other} is no state of a picture"))),
    }
}

fn listed(row: &Row) -> Result<SourcePicture, DbError> {
    let hash: Option<&str> = row.get_col("hash")?;
    let url = match hash {
        Some(hash) => {
            let (width, height) = size(row)?;
            Some(souk_catalog_api::PreparedPicture::address_of(hash, width, height))
        }
        None => None,
    };
    Ok(SourcePicture {
        address: row.get_col("address")?,
        state: state_of(row)?,
        url,
        code: row.get_col("code")?,
        reason: row.get_col("reason")?,
        checked_at: row.get_col("checked_at")?,
        next_try_at: row.get_col("run_at")?,
        products: row.get_col("products")?,
    })
}
