use bytes::Bytes;

use super::Space;
use crate::base::GroupId;
use crate::host::KeyRange;
use crate::model::{Key, Namespace};

/// Builds a key field by field.
pub(super) struct KeyWriter(Vec<u8>);

impl KeyWriter {
    pub fn new(space: Space, group: GroupId) -> KeyWriter {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(space as u8);
        bytes.extend_from_slice(&group.0.to_be_bytes());
        KeyWriter(bytes)
    }

    /// A name and its end.
    pub fn name(mut self, name: &str) -> KeyWriter {
        debug_assert!(!name.as_bytes().contains(&0), "a zero byte ends a name");
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        self
    }

    /// The beginning of a name, without its end.
    pub fn name_prefix(mut self, prefix: &str) -> KeyWriter {
        self.0.extend_from_slice(prefix.as_bytes());
        self
    }

    /// The place right behind `name`, before any longer or later one: every byte of a name is above 1.
    pub fn behind_name(mut self, name: &str) -> KeyWriter {
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(1);
        self
    }

    pub fn u64(mut self, number: u64) -> KeyWriter {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn u32(mut self, number: u32) -> KeyWriter {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn done(self) -> Bytes {
        self.0.into()
    }

    /// All keys that begin with these fields.
    pub fn range_under(self) -> KeyRange {
        let end = next_after_prefix(&self.0);
        KeyRange { start: self.0.into(), end }
    }
}

/// The first key after all that begin with `prefix`.
fn next_after_prefix(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    *end.last_mut().expect("a prefix begins with a space, which is below 255") += 1;
    end.into()
}

/// Takes a key apart. Each step is `None` where the key does not have that field.
pub(super) struct KeyReader<'a>(&'a [u8]);

impl<'a> KeyReader<'a> {
    pub fn new(space: Space, group: GroupId, key: &'a [u8]) -> Option<KeyReader<'a>> {
        let rest = key.strip_prefix(&[space as u8])?.strip_prefix(&group.0.to_be_bytes())?;
        Some(KeyReader(rest))
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let (name, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        std::str::from_utf8(name).ok()
    }

    pub fn namespace(&mut self) -> Option<Namespace> {
        Namespace::parse(self.text()?).ok()
    }

    pub fn key(&mut self) -> Option<Key> {
        Key::parse(self.text()?).ok()
    }

    pub fn u64(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*bytes))
    }

    pub fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    /// Nothing may be left.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Names, as the property tests draw them: few letters, so that prefixes and neighbours are common.
#[cfg(test)]
pub(super) mod strategies {
    use proptest::prelude::*;

    use super::*;

    pub fn namespace() -> impl Strategy<Value = Namespace> {
        proptest::collection::vec("[a0][ab0._-]{0,3}", 1..4)
            .prop_map(|segments| Namespace::parse(&segments.join("/")).unwrap())
    }

    pub fn key() -> impl Strategy<Value = Key> {
        "[ab~:@._/-]{1,6}".prop_filter_map("not a key", |text| Key::parse(&text).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        assert_eq!(next_after_prefix(&[2, 0]), Bytes::from_static(&[2, 1]));
        assert_eq!(next_after_prefix(&[2, 255, 255]), Bytes::from_static(&[3]));
    }
}
