//! Contract tests over the wire's encoding, without a socket: nothing may be lost between client and service.

use std::sync::Arc;

use souk_catalog_api::{
    ByIds, BySlug, BySlugs, CatalogApi, CatalogClient, ExportProducts, MAX_BATCH, PutProducts, StoreMedia,
    serve_catalog,
};
use souk_rpc::Channel;

use super::{World, codes, product, system};

#[tokio::test]
async fn loopback_sees_what_a_local_caller_sees() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let contract = serve_catalog(world.service.clone() as Arc<dyn CatalogApi>);
    let remote: CatalogClient = Channel::loopback(contract).into();
    let put = PutProducts { products: vec![product("1", home), product("1", home)], dry_run: false };
    let outcomes = remote.put_products(&system(), put).await.unwrap().outcomes;
    assert_eq!(codes(&outcomes), ["created", "duplicate_product"]);
    let slug = || BySlug { slug: "product-1".into() };
    let (near, far) = (
        world.client.product_by_slug(&system(), slug()).await.unwrap(),
        remote.product_by_slug(&system(), slug()).await.unwrap(),
    );
    assert_eq!(near, far);
    let slugs = BySlugs { slugs: vec!["nobody".into(), "product-1".into(), "no slug".into()] };
    let found = remote.products_by_slug(&system(), slugs).await.unwrap();
    assert_eq!((found.items, found.moved.len()), (vec![far], 0));
    let many = BySlugs { slugs: vec!["product-1".into(); MAX_BATCH + 1] };
    assert_eq!(remote.products_by_slug(&system(), many).await.unwrap_err().status(), 422);
    let ids = ByIds { ids: vec![near.id] };
    assert_eq!(remote.products(&system(), ids).await.unwrap().items, std::slice::from_ref(&near));
    let export = ExportProducts { after: None, limit: 1 };
    assert_eq!(remote.export(&system(), export).await.unwrap().items, [near]);
    let content = crate::pictures::photograph(64, 48, 0);
    let stored = remote.store_media(&system(), StoreMedia { content: content.clone() }).await.unwrap();
    assert_eq!(stored, world.client.store_media(&system(), StoreMedia { content }).await.unwrap());
    let html = StoreMedia { content: b"<html>".to_vec() };
    assert_eq!(&*remote.store_media(&system(), html).await.unwrap_err().code, "not_a_picture");
}
