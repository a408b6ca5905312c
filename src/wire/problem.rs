use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Slug;

/// The content type of a problem (RFC 9457, section 3).
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// What a problem's `type` begins with; the slug follows.
pub const TYPE_BASE: &str = "https://confman/errors/";

/// An error answer (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// [`TYPE_BASE`] and a slug.
    #[serde(rename = "type")]
    pub type_uri: String,
    pub title: String,
    pub status: u16,
    /// What happened this time, and what to do next.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    pub request_id: String,
    /// Members of its own, like the leader's URL.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl Problem {
    /// A problem of the kind `slug`.
    pub fn new(
        slug: Slug,
        detail: String,
        instance: String,
        request_id: String,
        members: Map<String, Value>,
    ) -> Problem {
        Problem {
            type_uri: format!("{TYPE_BASE}{slug}"),
            title: slug.title().to_owned(),
            status: slug.status(),
            detail,
            instance,
            request_id,
            members,
        }
    }

    /// The slug, where it is one that this release knows.
    pub fn slug(&self) -> Option<Slug> {
        let text = self.type_uri.strip_prefix(TYPE_BASE)?;
        Slug::ALL.iter().copied().find(|slug| slug.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_reads_back_with_its_slug_and_its_own_members() {
        for &slug in Slug::ALL {
            let mut members = Map::new();
            members.insert("leader".to_owned(), Value::from("http://b"));
            let problem = Problem::new(slug, "do this".to_owned(), "/x".to_owned(), "r1".to_owned(), members);
            let text = serde_json::to_string(&problem).expect("a problem is plain data");
            let back: Problem = serde_json::from_str(&text).expect("it reads back");
            assert_eq!(back, problem);
            assert_eq!(back.slug(), Some(slug));
        }
    }
}
