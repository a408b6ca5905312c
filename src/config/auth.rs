//! The API keys of `[[auth.apiKeys]]`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::section::Section;
use super::{ApiKey, Role};

/// A shorter secret can be guessed.
pub(super) const SECRET_CHARS_MIN: usize = 16;

const NO_KEYS: &str = "is missing: a node without keys would answer nobody. Run `confman key new --role admin` and \
                       paste the stanza it prints into this file";

/// Reads all keys. A name or a secret that stands twice is refused, as one of the two would never be looked at.
pub(super) fn read(top: &Section<'_, '_>) -> Vec<ApiKey> {
    let auth = top.section("auth");
    let sections = auth.sections("apiKeys");
    if sections.is_empty() {
        auth.refuse("apiKeys", NO_KEYS);
    }
    let mut keys = Vec::new();
    let mut names = BTreeMap::new();
    for section in &sections {
        let Some(key) = read_one(section) else { continue };
        if names.insert(key.name.clone(), ()).is_some() {
            section.refuse("name", format!("is {:?} a second time: each key needs a name of its own", key.name));
        }
        if let Some(other) = keys.iter().find(|other: &&ApiKey| other.sha256 == key.sha256) {
            let setting = if section.string("key").is_some() { "key" } else { "keySha256" };
            section.refuse(setting, format!("is the same secret as that of {:?}: make another one", other.name));
        }
        let ApiKey { name, principal, role, .. } = &key;
        let role = format!("{role:?}").to_lowercase();
        section.holds_all(format!("{{ name = {name:?}, principal = {principal:?}, role = {role:?}, (secret) }}"));
        keys.push(key);
    }
    keys
}

fn read_one(section: &Section<'_, '_>) -> Option<ApiKey> {
    let rule = "it must be 1 to 128 visible ASCII characters, like \"ci\" or \"dev@local\"";
    let sane = |text: &str| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let name = section.required_string("name", rule, sane);
    let principal = section.checked_string("principal", rule, sane);
    let role = section.choice("role", &[("reader", Role::Reader), ("admin", Role::Admin)]);
    if role.is_none() && section.string("role").is_none() {
        section.refuse("role", "is missing: it must be one of reader, admin");
    }
    let sha256 = read_secret(section);
    let name = name?;
    let principal = principal.unwrap_or_else(|| name.clone());
    Some(ApiKey { name, principal, role: role?, sha256: sha256? })
}

fn read_secret(section: &Section<'_, '_>) -> Option<[u8; 32]> {
    match (section.string("key"), section.string("keySha256")) {
        (Some(_), Some(_)) => section.refuse("keySha256", "stands beside `key`: give one of the two"),
        (None, None) => section.refuse("key", "is missing: give `key`, or `keySha256` in its place"),
        (Some(secret), None) if secret.chars().count() < SECRET_CHARS_MIN => section.refuse(
            "key",
            format!("is too short: a secret has at least {SECRET_CHARS_MIN} characters (`confman key new` makes one)"),
        ),
        (Some(secret), None) if !secret.bytes().all(|b| b.is_ascii_graphic()) => {
            section.refuse("key", "has a character that a header cannot carry: use visible ASCII without spaces");
        }
        (Some(secret), None) => return Some(Sha256::digest(secret.as_bytes()).into()),
        (None, Some(digest)) => {
            let mut bytes = [0; 32];
            match hex::decode_to_slice(&digest, &mut bytes) {
                Ok(()) => return Some(bytes),
                Err(_) => section.refuse("keySha256", "must be the secret's SHA-256 as 64 hexadecimal digits"),
            }
        }
    }
    None
}
