//! Who asks: API keys (API contract, section 7).

use std::sync::{Arc, RwLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::config::{ApiKey, Role};
use crate::wire::Slug;

pub(super) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The keys that this node knows.
pub struct KeyRing(RwLock<Arc<[ApiKey]>>);

impl KeyRing {
    pub fn new(keys: Vec<ApiKey>) -> KeyRing {
        KeyRing(RwLock::new(keys.into()))
    }

    /// From now on these keys are known, and no others.
    pub fn replace(&self, keys: Vec<ApiKey>) {
        *self.0.write().expect("no holder of this lock can panic") = keys.into();
    }

    /// A digest of the whole set, in no order: equal sets have equal digests.
    pub fn digest(&self) -> u64 {
        let mut each: Vec<[u8; 32]> = Vec::new();
        for key in self.current().iter() {
            let mut hash = Sha256::new();
            hash.update(key.sha256);
            hash.update([key.role as u8]);
            hash.update(key.principal.as_bytes());
            each.push(hash.finalize().into());
        }
        each.sort();
        let all = Sha256::digest(each.concat());
        u64::from_be_bytes(all[..8].try_into().expect("a SHA-256 digest has 32 bytes"))
    }

    /// The key that the request's credentials are of. All of them must be of the same key.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Result<ApiKey, Problem> {
        let keys = self.current();
        let mut found: Option<&ApiKey> = None;
        for credential in credentials(headers) {
            let key = credential.and_then(|secret| find(&keys, secret)).ok_or_else(unknown_key)?;
            if found.is_some_and(|before| before != key) {
                return Err(unknown_key());
            }
            found = Some(key);
        }
        found.cloned().ok_or_else(missing_key)
    }

    fn current(&self) -> Arc<[ApiKey]> {
        self.0.read().expect("no holder of this lock can panic").clone()
    }
}

/// Every credential of a request; `None` for one that is in no form of ours.
fn credentials(headers: &HeaderMap) -> impl Iterator<Item = Option<&[u8]>> {
    let api_keys = headers.get_all(X_API_KEY).iter().map(|value| Some(value.as_bytes()));
    api_keys.chain(headers.get_all(header::AUTHORIZATION).iter().map(bearer))
}

/// RFC 6750, section 2.1; the scheme in any case (RFC 9110, section 11.1).
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, secret) = value.as_bytes().split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| secret.trim_ascii())
}

/// Compares with all keys, in a time that tells nothing of which or how near.
fn find<'a>(keys: &'a [ApiKey], secret: &[u8]) -> Option<&'a ApiKey> {
    let digest: [u8; 32] = Sha256::digest(secret).into();
    let mut found = None;
    for key in keys {
        if bool::from(key.sha256.ct_eq(&digest)) {
            found = Some(key);
        }
    }
    found
}

fn missing_key() -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"confman\"");
    Problem::new(Slug::Unauthorized, "send an API key, as 'X-API-Key: ...' or as 'Authorization: Bearer ...'")
        .header(header::WWW_AUTHENTICATE, challenge)
}

fn unknown_key() -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"confman\", error=\"invalid_token\"");
    Problem::new(
        Slug::Unauthorized,
        "this node does not know the API key: send one of its configuration, as 'X-API-Key: ...' or as \
         'Authorization: Bearer ...', and only one",
    )
    .header(header::WWW_AUTHENTICATE, challenge)
}

/// A role's name.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, secret: &str, role: Role) -> ApiKey {
        let sha256 = Sha256::digest(secret).into();
        ApiKey { name: name.to_owned(), principal: format!("{name}@local"), role, sha256 }
    }

    fn who(ring: &KeyRing, headers: &[(HeaderName, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().expect("a header value"));
        }
        ring.authenticate(&map).ok().map(|key| key.name)
    }

    #[test]
    fn one_key_in_either_form() {
        let ring = KeyRing::new(vec![key("a", "secret-a", Role::Admin), key("b", "secret-b", Role::Reader)]);
        let auth = header::AUTHORIZATION;
        for (headers, want) in [
            (vec![(X_API_KEY, "secret-a")], Some("a")),
            (vec![(X_API_KEY, "secret-b")], Some("b")),
            (vec![(auth.clone(), "Bearer secret-b")], Some("b")),
            (vec![(auth.clone(), "bEARER  secret-b")], Some("b")),
            (vec![(auth.clone(), "Bearer secret-a"), (X_API_KEY, "secret-a")], Some("a")),
            (vec![(auth.clone(), "Bearer secret-a"), (X_API_KEY, "secret-b")], None),
            (vec![(X_API_KEY, "secret-a"), (X_API_KEY, "wrong")], None),
            (vec![(auth.clone(), "Basic c2VjcmV0LWE=")], None),
            (vec![(auth.clone(), "secret-a")], None),
            (vec![(auth, "Bearer")], None),
            (vec![(X_API_KEY, "")], None),
            (vec![(X_API_KEY, "secret-A")], None),
            (vec![], None),
        ] {
            assert_eq!(who(&ring, &headers).as_deref(), want, "{headers:?}");
        }
        ring.replace(vec![key("c", "secret-c", Role::Reader)]);
        assert_eq!(who(&ring, &[(X_API_KEY, "secret-a")]), None);
        assert_eq!(who(&ring, &[(X_API_KEY, "secret-c")]).as_deref(), Some("c"));
    }

    #[test]
    fn equal_sets_have_equal_digests() {
        let (a, b) = (key("a", "secret-a", Role::Admin), key("b", "secret-b", Role::Reader));
        let demoted = ApiKey { role: Role::Reader, ..a.clone() };
        let ab = KeyRing::new(vec![a.clone(), b.clone()]).digest();
        assert_eq!(ab, KeyRing::new(vec![b.clone(), a]).digest());
        assert_ne!(ab, KeyRing::new(vec![demoted, b]).digest());
    }
}
