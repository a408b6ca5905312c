use expect_test::expect;

use super::{ADMIN, JSON, Rest};

const PATH: &str = "/api/v1/backup";

#[test]
fn a_backup_is_bytes_of_one_revision() {
    let rest = Rest::node(2);
    rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#);
    let seen = rest.send(&format!("GET {PATH}"), &[ADMIN], "");
    let revision = rest.get("/api/v1/config/a/k").header("x-confman-version").expect("a version").to_owned();
    assert_eq!(seen.header("x-confman-version"), Some(revision.as_str()));
    let name = format!("attachment; filename=\"confman-{}.backup\"", revision.replace(':', "-"));
    assert_eq!(seen.header("content-disposition"), Some(name.as_str()));
    assert_eq!((seen.header("content-type"), &*seen.body), (Some("application/octet-stream"), "begin middle end"));
    assert_eq!(rest.send(&format!("HEAD {PATH}"), &[ADMIN], "").body, "");
}

#[test]
fn what_it_cannot_be_asked_for_is_said() {
    let rest = Rest::node(1);
    rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#);
    let table = rest.table(&[
        (&format!("GET {PATH}"), &[ADMIN, "Accept: application/octet-stream"], ""),
        (&format!("GET {PATH}"), &[ADMIN, "Accept: application/*"], ""),
        (&format!("GET {PATH}"), &[ADMIN, "Accept: application/json"], ""),
        (&format!("GET {PATH}?at=1:2"), &[ADMIN], ""),
        (&format!("POST {PATH}"), &[ADMIN, JSON], "{}"),
    ]);
    expect![[r#"
        GET /api/v1/backup ["X-API-Key: cm_admin_secret_0000", "Accept: application/octet-stream"]  -> 200
        GET /api/v1/backup ["X-API-Key: cm_admin_secret_0000", "Accept: application/*"]  -> 200
        GET /api/v1/backup ["X-API-Key: cm_admin_secret_0000", "Accept: application/json"]  -> 406 not-acceptable: answers are application/octet-stream: send Accept: application/octet-stream, or none
        GET /api/v1/backup?at=1:2 ["X-API-Key: cm_admin_secret_0000"]  -> 400 invalid-request: unknown query parameter "at": this path takes consistency, minVersion, timeout, onStale
        POST /api/v1/backup ["X-API-Key: cm_admin_secret_0000", "Content-Type: application/json"] {} -> 405 method-not-allowed: this path takes GET, HEAD
    "#]]
    .assert_eq(&table);
}

#[test]
fn two_at_once_and_not_three() {
    let rest = Rest::node(1);
    rest.put("/api/v1/config/a/k", r#"{"value":"v"}"#);
    let (api, path) = (rest.node.api.clone(), format!("GET {PATH}"));
    let held = rest.world.run(async move { (api.backup().await.ok(), api.backup().await.ok()) });
    assert!(held.0.is_some() && held.1.is_some());
    let refused = rest.send(&path, &[ADMIN], "");
    assert_eq!((refused.status.as_u16(), refused.slug().as_deref()), (503, Some("overloaded")));
    assert!(refused.header("retry-after").is_some());
    drop(held);
    assert_eq!(rest.send(&path, &[ADMIN], "").status, 200);
}
