use serde::{Deserialize, Serialize};

use super::ValueType;

/// The body of `PUT /config/{ns}/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SetRequest {
    pub value: String,
    /// `string` where it is absent.
    #[serde(rename = "type", default)]
    pub value_type: ValueType,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub namespace: String,
    pub key: String,
    pub value: String,
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Writes to this key since it was last absent, from 1.
    pub version: u64,
    /// The version token of the write that made this state. Opaque.
    pub revision: String,
    pub created_at: String,
    pub updated_at: String,
    pub updated_by: String,
}

/// An entry on a list: all of it, or the members that `fields` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListedEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub value_type: Option<ValueType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

impl Entry {
    /// The names of its members, in their order.
    pub const MEMBERS: [&str; 9] =
        ["namespace", "key", "value", "type", "version", "revision", "createdAt", "updatedAt", "updatedBy"];

    /// The entry with only those members that `shows` says yes to.
    pub fn listed(self, shows: impl Fn(&str) -> bool) -> ListedEntry {
        ListedEntry {
            namespace: Some(self.namespace).filter(|_| shows("namespace")),
            key: Some(self.key).filter(|_| shows("key")),
            value: Some(self.value).filter(|_| shows("value")),
            value_type: Some(self.value_type).filter(|_| shows("type")),
            version: Some(self.version).filter(|_| shows("version")),
            revision: Some(self.revision).filter(|_| shows("revision")),
            created_at: Some(self.created_at).filter(|_| shows("createdAt")),
            updated_at: Some(self.updated_at).filter(|_| shows("updatedAt")),
            updated_by: Some(self.updated_by).filter(|_| shows("updatedBy")),
        }
    }
}

/// A page of entries, keys in byte order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryList {
    pub items: Vec<ListedEntry>,
    /// The revision that all pages of one cursor show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    pub pagination: Pagination,
}

/// Where a page ends and how to get the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    pub limit: usize,
    pub has_more: bool,
    /// Present where `hasMore` is true. Opaque, bound to its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_an_entry_are_those_that_can_be_asked_for() {
        let entry = Entry {
            namespace: "n".to_owned(),
            key: "k".to_owned(),
            value: "v".to_owned(),
            value_type: ValueType::Yaml,
            version: 1,
            revision: "5:42".to_owned(),
            created_at: "c".to_owned(),
            updated_at: "u".to_owned(),
            updated_by: "b".to_owned(),
        };
        let whole = serde_json::to_value(&entry).expect("plain data");
        assert_eq!(whole.as_object().map(serde_json::Map::len), Some(Entry::MEMBERS.len()));
        assert_eq!(serde_json::to_value(entry.clone().listed(|_| true)).ok(), Some(whole.clone()));
        for name in Entry::MEMBERS {
            let shown = serde_json::to_value(entry.clone().listed(|member| member == name)).expect("plain data");
            assert_eq!(
                shown.as_object().map(|members| members.keys().collect::<Vec<_>>()),
                Some(vec![&name.to_owned()])
            );
            assert_eq!(shown[name], whole[name]);
        }
    }
}
