use std::fmt;

use serde::{Deserialize, Serialize};

/// A namespace: 1 to 8 segments of `[A-Za-z0-9][A-Za-z0-9._-]{0,63}` joined by `/`. Nothing else can be decoded as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Namespace(String);

/// A key: 1 to 512 characters of `[A-Za-z0-9._~:@/-]`, with no empty, `.` or `..` segment between its slashes.
/// Nothing else can be decoded as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Key(String);

/// A name that breaks its rule; says which rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub &'static str);

impl Namespace {
    pub fn parse(text: &str) -> Result<Namespace, InvalidName> {
        Namespace::try_from(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Namespace {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Namespace, InvalidName> {
        let segment_is_sane = |segment: &str| {
            let mut bytes = segment.bytes();
            segment.len() <= 64
                && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
                && bytes.all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if text.split('/').count() > 8 || !text.split('/').all(segment_is_sane) {
            return Err(InvalidName(
                "a namespace is 1 to 8 segments joined by '/', each a letter or digit followed by up to 63 of A-Z a-z 0-9 . _ -",
            ));
        }
        Ok(Namespace(text))
    }
}

impl Key {
    pub fn parse(text: &str) -> Result<Key, InvalidName> {
        Key::try_from(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Key, InvalidName> {
        let bytes_are_sane = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~:@/-".contains(&b));
        if !(1..=512).contains(&text.len()) || !bytes_are_sane {
            return Err(InvalidName("a key is 1 to 512 characters of A-Z a-z 0-9 . _ ~ : @ / -"));
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(InvalidName("a key has no empty, '.' or '..' segment between its slashes"));
        }
        Ok(Key(text))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        let long_segment = "a".repeat(64);
        for good in ["a", "teams/payments", "a/b/c/d/e/f/g/h", "9.x_y-z", long_segment.as_str()] {
            assert!(Namespace::parse(good).is_ok(), "{good}");
        }
        let too_long = "a".repeat(65);
        for bad in ["", "/", "a/", "/a", "a//b", "-", "a/-/b", ".a", "a b", "ä", "a/b/c/d/e/f/g/h/i", too_long.as_str()]
        {
            assert!(Namespace::parse(bad).is_err(), "{bad}");
        }
        let longest = "k".repeat(512);
        for good in ["a", "db.url", "a/b/c", "~x:@-", "...", longest.as_str()] {
            assert!(Key::parse(good).is_ok(), "{good}");
        }
        let too_long = "k".repeat(513);
        for bad in ["", "/", "a//b", "a/", "../a", "a/./b", "a b", "a%2Fb", "ä", too_long.as_str()] {
            assert!(Key::parse(bad).is_err(), "{bad}");
        }
    }

    /// What another node sends, and what stands in a log or a row, is parsed like what a client sends.
    #[test]
    fn only_a_name_decodes_as_one() {
        let encoded = |text: &str| postcard::to_stdvec(text).expect("text");
        let (namespace, key) = (Namespace::parse("a/b").expect("a namespace"), Key::parse("k").expect("a key"));
        assert_eq!(postcard::to_stdvec(&namespace), Ok(encoded("a/b")));
        assert_eq!(postcard::from_bytes(&encoded("a/b")), Ok(namespace));
        assert_eq!(postcard::from_bytes(&encoded("k")), Ok(key));
        for bad in ["", "a\0b", "/", "a b"] {
            assert!(postcard::from_bytes::<Namespace>(&encoded(bad)).is_err(), "{bad:?}");
            assert!(postcard::from_bytes::<Key>(&encoded(bad)).is_err(), "{bad:?}");
        }
    }
}
