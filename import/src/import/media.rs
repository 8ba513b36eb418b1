//! Pictures of an import: files beside it go to the catalogue, each once, and only those of products that are new or changed; what is
//! no picture costs a warning. A product's fingerprint is over the content of its files, so a second run finds nothing to do, and a dry
//! run says the same without storing anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use souk_catalog_api::{
    ByIds, CatalogClient, Media, MediaInput, Outcome, ProductInput, ProductOutcome, PutProducts, StoreMedia,
};
use souk_kernel::{Kind, Problem};
use souk_rpc::Cx;

use super::fingerprint::fingerprint;
use super::{Importer, PictureTally};
use crate::draft::{Defect, clip};
use crate::outcome::{Effect, RefusedProduct};
use crate::pictures::{PictureFile, PictureFiles};

/// Pictures that are read or stored at once: the catalogue prepares each on a processor of its own.
const AT_ONCE: usize = 4;
/// The fingerprint of a product whose pictures alone have changed, until it has its own again.
const CHANGED: &str = "pictures";

/// A product on its way to the catalogue.
pub(super) struct Product {
    /// Without its fingerprint.
    pub(super) input: ProductInput,
    /// The pictures that are files.
    pub(super) files: BTreeMap<usize, PictureFile>,
}

/// What became of one.
pub(super) struct Put {
    pub(super) outcome: ProductOutcome,
    pub(super) pictures: PictureTally,
    pub(super) warnings: Vec<RefusedProduct>,
}

/// What is known of a file: the hash of its content and where it is stored, once that is known.
#[derive(Clone)]
struct Known {
    hash: blake3::Hash,
    url: Option<String>,
}

/// Why a file is none of the shop's pictures: code and sentence.
type Refusal = (String, String);

/// Files of an import, and what is known of them: each is read and stored once, however many products show it.
pub(super) struct StoredPictures {
    files: Arc<PictureFiles>,
    known: HashMap<PictureFile, Result<Known, Refusal>>,
}

impl PictureTally {
    /// Counts those of a product.
    pub(super) fn add(&mut self, more: Self, effect: Effect) {
        if effect != Effect::Refused {
            self.found += more.found;
            self.addresses += more.addresses;
        }
        self.refused += more.refused;
    }
}

impl Importer<'_> {
    /// Puts products with their pictures into the catalogue.
    pub(super) async fn put(&mut self, mut products: Vec<Product>) -> Result<Vec<Put>, Problem> {
        let catalog = &self.shop.catalog;
        let mut warnings = vec![Vec::new(); products.len()];
        if let Some(pictures) = &mut self.pictures {
            pictures.read(products.iter()).await?;
            for (product, warnings) in products.iter_mut().zip(&mut warnings) {
                pictures.settle(product, warnings);
            }
        }
        for product in &mut products {
            product.input.content_hash = fingerprint(&mut product.input)?;
        }
        let with_files = self.pictures.as_mut().filter(|_| products.iter().any(|product| !product.files.is_empty()));
        let outcomes = match with_files {
            None => put(catalog, &self.cx, products.iter().map(|product| &product.input), self.dry_run).await?,
            Some(pictures) => {
                let inputs = products.iter().map(|product| &product.input);
                let mut outcomes = put(catalog, &self.cx, inputs, true).await?;
                let mut late = without_their_pictures(catalog, &self.cx, &products, &outcomes).await?;
                late.iter().for_each(|at| outcomes[*at].outcome = Outcome::Updated);
                if !self.dry_run {
                    let changed: Vec<usize> = (0..products.len()).filter(|at| is_written(&outcomes[*at])).collect();
                    pictures.store(catalog, &self.cx, changed.iter().map(|at| &products[*at])).await?;
                    for at in &changed {
                        pictures.settle(&mut products[*at], &mut warnings[*at]);
                        products[*at].input.content_hash = fingerprint(&mut products[*at].input)?;
                    }
                    late.retain(|at| !products[*at].files.is_empty());
                    write(catalog, &self.cx, &products, &changed, &late, &mut outcomes).await?;
                }
                outcomes
            }
        };
        let put = outcomes.into_iter().zip(products).zip(warnings);
        Ok(put.map(|((outcome, product), warnings)| Put::new(outcome, &product, warnings)).collect())
    }
}

impl Put {
    fn new(outcome: ProductOutcome, product: &Product, warnings: Vec<Refusal>) -> Self {
        let is_elsewhere = |media: &&MediaInput| media.url.is_none() && media.source_url.is_some();
        let addresses = product.input.media.iter().filter(is_elsewhere).count();
        let pictures = PictureTally {
            found: product.files.len() as u64,
            missing: 0,
            refused: warnings.len() as u64,
            addresses: if is_written(&outcome) { addresses as u64 } else { 0 },
        };
        let id = &outcome.external_id;
        let warning = |(code, reason)| RefusedProduct { external_id: id.clone(), code, reason };
        Self { pictures, warnings: warnings.into_iter().map(warning).collect(), outcome }
    }
}

fn is_written(outcome: &ProductOutcome) -> bool {
    matches!(outcome.outcome, Outcome::Created | Outcome::Updated)
}

async fn put(
    catalog: &CatalogClient,
    cx: &Cx,
    products: impl Iterator<Item = &ProductInput>,
    dry_run: bool,
) -> Result<Vec<ProductOutcome>, Problem> {
    let request = PutProducts { products: products.cloned().collect(), dry_run };
    Ok(catalog.put_products(cx, request).await?.outcomes)
}

/// Writes the products at these places. To those `late` nothing is new but that their pictures are here: the catalogue leaves a
/// product alone whose fingerprint it knows, so they have another one for a moment.
async fn write(
    catalog: &CatalogClient,
    cx: &Cx,
    products: &[Product],
    changed: &[usize],
    late: &BTreeSet<usize>,
    outcomes: &mut [ProductOutcome],
) -> Result<(), Problem> {
    if !late.is_empty() {
        let inputs: Vec<ProductInput> = late
            .iter()
            .map(|at| ProductInput { content_hash: CHANGED.to_owned(), ..products[*at].input.clone() })
            .collect();
        put(catalog, cx, inputs.iter(), false).await?;
    }
    let written = put(catalog, cx, changed.iter().map(|at| &products[*at].input), false).await?;
    changed.iter().zip(written).for_each(|(at, outcome)| outcomes[*at] = outcome);
    Ok(())
}

/// Products that the catalogue knows as they are, but for a picture that it has not been able to fetch and that is a file here.
async fn without_their_pictures(
    catalog: &CatalogClient,
    cx: &Cx,
    products: &[Product],
    outcomes: &[ProductOutcome],
) -> Result<BTreeSet<usize>, Problem> {
    let is_elsewhere = |product: &Product| {
        product.files.keys().any(|at| product.input.media.get(*at).is_some_and(|media| media.source_url.is_some()))
    };
    let mut places = HashMap::new();
    for (at, (product, outcome)) in products.iter().zip(outcomes).enumerate() {
        if let (Outcome::Unchanged, Some(id)) = (&outcome.outcome, outcome.id)
            && is_elsewhere(product)
        {
            places.insert(id, at);
        }
    }
    if places.is_empty() {
        return Ok(BTreeSet::new());
    }
    let request = ByIds { ids: places.keys().copied().collect() };
    let mut late = BTreeSet::new();
    for known in catalog.products(cx, request).await?.items {
        let Some(at) = places.get(&known.id).copied() else { continue };
        let lacks = |media: &Media| media.url.is_none() && media.source_url.is_some();
        let is_file = |media: &Media| {
            let mut files = products[at].files.keys().filter_map(|file| products[at].input.media.get(*file));
            files.any(|file| file.source_url == media.source_url)
        };
        if known.media.iter().any(|media| lacks(media) && is_file(media)) {
            late.insert(at);
        }
    }
    Ok(late)
}

impl StoredPictures {
    pub(super) fn new(files: Arc<PictureFiles>) -> Self {
        Self { files, known: HashMap::new() }
    }

    /// Learns the content of the files that products name.
    async fn read(&mut self, products: impl Iterator<Item = &Product>) -> Result<(), Problem> {
        let wanted: BTreeSet<PictureFile> = products.flat_map(|product| product.files.values().copied()).collect();
        let unknown: Vec<PictureFile> = wanted.into_iter().filter(|file| !self.known.contains_key(file)).collect();
        let files = &self.files;
        let read = |file| async move {
            let content = content(files, file).await?;
            let known = content.map(|(hash, _)| Known { hash, url: None });
            Ok::<_, Problem>((file, known.map_err(|Defect { code, reason }| (code.to_owned(), reason))))
        };
        let mut done = stream::iter(unknown).map(read).buffer_unordered(AT_ONCE);
        while let Some(read) = done.next().await {
            let (file, known) = read?;
            self.known.insert(file, known);
        }
        Ok(())
    }

    /// Stores the files that products name.
    async fn store(
        &mut self,
        catalog: &CatalogClient,
        cx: &Cx,
        products: impl Iterator<Item = &Product>,
    ) -> Result<(), Problem> {
        let wanted: BTreeSet<PictureFile> = products.flat_map(|product| product.files.values().copied()).collect();
        let is_new = |file: &PictureFile| matches!(self.known.get(file), Some(Ok(Known { url: None, .. })));
        let new: Vec<PictureFile> = wanted.into_iter().filter(is_new).collect();
        let files = &self.files;
        let store = |file| async move { Ok::<_, Problem>((file, store(catalog, cx, files, file).await?)) };
        let mut done = stream::iter(new).map(store).buffer_unordered(AT_ONCE);
        while let Some(stored) = done.next().await {
            let (file, known) = stored?;
            self.known.insert(file, known);
        }
        Ok(())
    }

    /// Gives a product's pictures the addresses that are known; before they are stored, one that says which content they have. Without
    /// those that cannot be taken: they leave a warning, and stay as an address of the web where they have one.
    fn settle(&self, product: &mut Product, warnings: &mut Vec<Refusal>) {
        let mut gone: BTreeSet<usize> = BTreeSet::new();
        let media = &mut product.input.media;
        product.files.retain(|at, file| {
            let (Some(media), Some(known)) = (media.get_mut(*at), self.known.get(file)) else { return false };
            match known {
                Ok(Known { hash, url }) => {
                    media.url = Some(url.clone().unwrap_or_else(|| format!("/media/{hash}")));
                    true
                }
                Err(refusal) => {
                    warnings.push(refusal.clone());
                    media.url = None;
                    if media.source_url.is_none() {
                        gone.insert(*at);
                    }
                    false
                }
            }
        });
        if gone.is_empty() {
            return;
        }
        let place = |at: usize| (!gone.contains(&at)).then(|| at - gone.range(..at).count());
        product.files = product.files.iter().filter_map(|(at, file)| Some((place(*at)?, *file))).collect();
        for variant in &mut product.input.variants {
            let now = variant.media.and_then(|at| usize::try_from(at).ok()).and_then(place);
            variant.media = now.and_then(|at| u32::try_from(at).ok());
        }
        let mut at = 0;
        product.input.media.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
    }
}

/// The content of a file and its hash; read beside the tasks, because a disk may take its time.
async fn content(
    files: &Arc<PictureFiles>,
    file: PictureFile,
) -> Result<Result<(blake3::Hash, Vec<u8>), Defect>, Problem> {
    let files = Arc::clone(files);
    let read = move || files.read(file).map(|content| (blake3::hash(&content), content));
    tokio::task::spawn_blocking(read).await.map_err(Problem::internal)
}

async fn store(
    catalog: &CatalogClient,
    cx: &Cx,
    files: &Arc<PictureFiles>,
    file: PictureFile,
) -> Result<Result<Known, Refusal>, Problem> {
    let (hash, content) = match content(files, file).await? {
        Ok(content) => content,
        Err(Defect { code, reason }) => return Ok(Err((code.to_owned(), reason))),
    };
    match catalog.store_media(cx, StoreMedia { content }).await {
        Ok(stored) => Ok(Ok(Known { hash, url: Some(stored.url) })),
        // Nothing is wrong with the picture.
        Err(problem) if matches!(problem.kind, Kind::Unavailable | Kind::Timeout | Kind::RateLimited) => Err(problem),
        Err(problem) => {
            let reason = format!("the picture {} is left out: {}", clip(files.name(file)), problem.detail);
            Ok(Err((problem.code.into_owned(), reason)))
        }
    }
}
