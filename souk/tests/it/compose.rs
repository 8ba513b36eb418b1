//! Compose file, `deploy/compose`: what stands there for containers is what the role table and the configuration say.

use std::path::Path;

use crate::place::{Place, said, souk};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/compose").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_role_has_a_container_and_no_other_has() {
    let file = read("compose.yaml");
    let of = |line: &str| {
        let (name, rest) = line.trim().split_once(": { <<: *role, command: serve --role ")?;
        let role = rest.split([' ', ',', '}']).next()?;
        assert_eq!(name, role, "a container is called after its role, so that its name leads to it");
        Some(role.to_owned())
    };
    let roles: Vec<String> = file.lines().filter_map(of).collect();
    assert_eq!(roles, souk::all_roles());
}

#[test]
fn its_configuration_can_work_and_leads_to_every_role_that_is_called() {
    let place = Place::new();
    let pki = place.data().with_file_name("certificates");
    said(souk().args(["pki", "init", "--host", "minio", "--dir"]).arg(&pki));
    let text = read("souk.toml").replace("/pki", pki.to_str().unwrap());
    let file = place.file("compose.toml", &text);
    let mut check = souk();
    check.args(["config", "check", "--config"]).arg(&file);
    // What the containers have in their environment.
    check.env("AWS_ACCESS_KEY_ID", "souk").env("AWS_SECRET_ACCESS_KEY", "souk-secret");
    assert!(said(&mut check).contains("fine"));
    for role in souk::modules::roles().flat_map(|role| role.calls) {
        let port = souk::modules::by_name(role).unwrap().port;
        assert!(text.contains(&format!("{role} = [\"{role}:{port}\"]")), "{role}");
    }
}
