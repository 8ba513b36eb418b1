//! Certificate verification and rotation: certificates that must not work, and those that change while everything runs.

use std::net::SocketAddr;

use souk_kernel::Problem;
use souk_tls::{Identity, IssuedCertificate, Reload, Validity};

use crate::echo::{Server, anybody, one, plain, secure};
use crate::pki::{Pki, domain};
use crate::raw;

async fn call(caller: &Identity, address: SocketAddr) -> Result<(), Problem> {
    secure(caller.clone(), &[address]).once(&anybody(), one()).await.map(drop)
}

fn expired() -> Validity {
    let valid = Validity::around_now(1);
    Validity { not_before: valid.not_before - 100_000, not_after: valid.not_before - 10 }
}

#[tokio::test]
async fn a_server_believes_nobody_without_a_good_certificate() {
    let (pki, strangers) = (Pki::new(), Pki::new());
    let server = Server::secure(pki.identity("echo")).await;
    let valid = Validity::around_now(1);
    let named = |role: &str, validity| pki.authority.issue(&domain(), role, validity).unwrap();
    let good: IssuedCertificate = named("shop", valid);
    let (said, _) = raw::ask(server.address, Some(&good)).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert_eq!(server.echo.calls(), 1);

    let another_authority = strangers.authority.issue(&domain(), "shop", valid).unwrap();
    for (what, shown) in
        [("none", None), ("another authority's", Some(another_authority)), ("expired", Some(named("shop", expired())))]
    {
        let (said, _) = raw::ask(server.address, shown.as_ref()).await;
        assert!(said.is_empty(), "{what}: {said}");
    }
    let nameless = pki.authority.issue_named("shop", &[], valid).unwrap();
    let elsewhere = pki.authority.issue_named("shop", &["spiffe://elsewhere/role/shop"], valid).unwrap();
    for (what, shown) in [("without a role", nameless), ("of another domain", elsewhere)] {
        let (said, _) = raw::ask(server.address, Some(&shown)).await;
        assert!(said.starts_with("HTTP/1.1 403") && said.contains("caller_not_allowed"), "{what}: {said}");
    }
    let no_tls = plain(&[server.address]).once(&anybody(), one()).await.unwrap_err();
    assert!(no_tls.kind.is_fault(), "{no_tls:?}");
    assert_eq!(server.echo.calls(), 1);
}

#[tokio::test]
async fn a_caller_believes_only_the_role_it_calls() {
    let (pki, strangers) = (Pki::new(), Pki::new());
    let shop = pki.identity("shop");
    let valid = Validity::around_now(1);
    let good = pki.authority.issue(&domain(), "echo", valid).unwrap();
    call(&shop, raw::server(&good).await).await.unwrap();
    let echo = domain().uri("echo");
    let wrong = [
        ("another role", pki.authority.issue(&domain(), "other", valid)),
        ("another authority", strangers.authority.issue(&domain(), "echo", valid)),
        ("expired", pki.authority.issue(&domain(), "echo", expired())),
        ("no role", pki.authority.issue_named("echo", &[], valid)),
        ("another domain", pki.authority.issue_named("echo", &["spiffe://elsewhere/role/echo"], valid)),
        ("another host", pki.authority.issue_named("other", &[&echo], valid)),
    ];
    for (what, issued) in wrong {
        let refused = call(&shop, raw::server(&issued.unwrap()).await).await.unwrap_err();
        assert_eq!(&*refused.code, "upstream_unavailable", "{what}: nothing was sent");
        let why = refused.internal_detail().unwrap();
        assert!(why.contains("certificate"), "{what}: {why}");
    }
    let unprotected = Server::plain().await;
    assert!(call(&shop, unprotected.address).await.is_err());
    assert_eq!(unprotected.echo.calls(), 0, "TLS is not given up");
}

#[tokio::test]
async fn what_nobody_would_accept_is_not_even_loaded() {
    let (pki, strangers) = (Pki::new(), Pki::new());
    let put = |issued: IssuedCertificate| issued.save(pki.dir(), "shop", true).unwrap();
    let complaint = || Identity::load(pki.dir(), &domain(), "shop").err().unwrap().to_string();
    assert!(complaint().contains("shop.pem"), "no file: {}", complaint());
    put(strangers.authority.issue(&domain(), "shop", Validity::around_now(1)).unwrap());
    assert!(complaint().contains("shop.pem: nobody would accept it"), "{}", complaint());
    put(pki.authority.issue(&domain(), "shop", expired()).unwrap());
    assert!(complaint().to_lowercase().contains("expired"), "{}", complaint());
    put(pki.authority.issue(&domain(), "other", Validity::around_now(1)).unwrap());
    assert!(complaint().contains("of role other"), "{}", complaint());
    let mut mixed = pki.authority.issue(&domain(), "shop", Validity::around_now(1)).unwrap();
    mixed.key = pki.authority.issue(&domain(), "shop", Validity::around_now(1)).unwrap().key;
    put(mixed);
    assert!(complaint().contains("shop.pem"), "{}", complaint());
    std::fs::write(pki.dir().join("shop.pem"), "-----BEGIN NONSENSE-----").unwrap();
    assert!(complaint().contains("shop.pem"), "{}", complaint());
}

#[tokio::test]
async fn files_of_cert_manager_are_found() {
    let pki = Pki::new();
    let folder = pki.dir().join("shop");
    std::fs::create_dir(&folder).unwrap();
    let issued = pki.authority.issue(&domain(), "shop", Validity::around_now(1)).unwrap();
    std::fs::write(folder.join("tls.crt"), &issued.certificate).unwrap();
    std::fs::write(folder.join("tls.key"), &issued.key).unwrap();
    std::fs::write(folder.join("ca.crt"), pki.authority.pem()).unwrap();
    let server = Server::secure(pki.identity("echo")).await;
    call(&Identity::load(pki.dir(), &domain(), "shop").unwrap(), server.address).await.unwrap();
}

#[tokio::test]
async fn renewed_certificates_serve_the_next_handshake_and_broken_ones_change_nothing() {
    let pki = Pki::new();
    let (shop, echo) = (pki.identity("shop"), pki.identity("echo"));
    let server = Server::secure(echo.clone()).await;
    let shown = pki.authority.issue(&domain(), "shop", Validity::around_now(1)).unwrap();
    let (_, first) = raw::ask(server.address, Some(&shown)).await;
    assert!(!echo.reload().unwrap(), "nothing has changed");

    std::fs::write(pki.dir().join("echo.pem"), "half a fi").unwrap();
    echo.reload().unwrap_err();
    let (said, still) = raw::ask(server.address, Some(&shown)).await;
    assert!(said.starts_with("HTTP/1.1 200") && still == first);

    pki.issue("echo");
    assert!(echo.reload().unwrap());
    let (said, renewed) = raw::ask(server.address, Some(&shown)).await;
    assert!(said.starts_with("HTTP/1.1 200") && renewed != first);
    call(&shop, server.address).await.unwrap();
}

/// The authority changes: first all roles believe both, then all certificates are renewed, then the old authority goes.
#[tokio::test]
async fn authorities_can_be_changed_without_a_stop() {
    let (old, new) = (Pki::new(), Pki::new());
    let (shop, echo) = (old.identity("shop"), old.identity("echo"));
    let server = Server::secure(echo.clone()).await;
    let ca = old.dir().join("ca.pem");
    let renew = |role: &str| {
        let issued = new.authority.issue(&domain(), role, Validity::around_now(1)).unwrap();
        issued.save(old.dir(), role, true).unwrap();
    };
    let steps: [&dyn Fn(); 4] = [
        &|| std::fs::write(&ca, format!("{}{}", old.authority.pem(), new.authority.pem())).unwrap(),
        &|| renew("echo"),
        &|| renew("shop"),
        &|| std::fs::write(&ca, new.authority.pem()).unwrap(),
    ];
    for (number, step) in steps.iter().enumerate() {
        step();
        for one in [&shop, &echo] {
            one.reload().unwrap();
            call(&shop, server.address).await.unwrap_or_else(|problem| panic!("step {number}: {problem:?}"));
        }
    }
    let left_behind = old.authority.issue(&domain(), "shop", Validity::around_now(1)).unwrap();
    let (said, _) = raw::ask(server.address, Some(&left_behind)).await;
    assert!(said.is_empty(), "{said}");
}
