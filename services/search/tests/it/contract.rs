//! Contract tests through the wire's encoding.

use std::sync::Arc;

use souk_rpc::Channel;
use souk_search_api::{SearchApi, SearchClient, StatusRequest, serve_search};

use super::fakes::Sale;
use super::{Backend, World, guest, on_both, words};

on_both! {
    loopback_sees_what_a_local_caller_sees
}

async fn loopback_sees_what_a_local_caller_sees(backend: Backend) {
    let world = World::new(backend).await;
    world.owners.sell(&[Sale::default()]).await;
    world.settled(1).await;
    let contract = serve_search(world.search.service.clone() as Arc<dyn SearchApi>);
    let remote: SearchClient = Channel::loopback(contract).into();
    let (near, far) = (world.find(words("thing")).await, remote.search(&guest(), words("thing")).await.unwrap());
    assert_eq!((near.items, near.facets, near.total), (far.items, far.facets, far.total));
    assert_eq!(remote.status(&guest(), StatusRequest {}).await.unwrap().products, 1);
}
