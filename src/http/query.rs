//! Query parameters: each at most once, and none that is not known.

use std::collections::BTreeMap;

use super::path::decode;
use super::problem::Problem;
use crate::api::PageRequest;
use crate::base::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

/// Counts redirects, in a `Location` of ours.
const HOP: &str = "hop";

/// The parameters of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Parses `raw`. Only parameters in `known` and `more` may occur.
    pub(super) fn parse(raw: Option<&str>, known: &[&str], more: &[&str]) -> Result<Query, Problem> {
        let known = [known, more].concat();
        let mut query = BTreeMap::new();
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (form_decode(name)?, form_decode(value)?);
            if !known.contains(&name.as_str()) {
                // Clients are not to know of the one that counts redirects.
                let known: Vec<&str> = known.into_iter().filter(|known| *known != HOP).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Problem::invalid(format!("unknown query parameter {name:?}: this path takes {known}")));
            }
            if query.insert(name.clone(), value).is_some() {
                return Err(Problem::invalid(format!("query parameter {name:?} is given twice: give it once")));
            }
        }
        Ok(Query(query))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `limit` and `cursor`.
    pub(super) fn page(&self) -> Result<PageRequest<'_>, Problem> {
        let limit = match self.get("limit") {
            None => PAGE_ITEMS_DEFAULT,
            Some(text) => number(text)
                .filter(|limit| (1..=PAGE_ITEMS_MAX).contains(limit))
                .ok_or_else(|| Problem::invalid(format!("limit is a number from 1 to {PAGE_ITEMS_MAX}")))?,
        };
        Ok(PageRequest { limit, cursor: self.get("cursor") })
    }

    /// `force=true`.
    pub(super) fn force(&self) -> Result<bool, Problem> {
        match self.get("force") {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::invalid("force is true or false")),
        }
    }

    /// How many redirects brought this request here.
    pub(super) fn hop(&self) -> Result<usize, Problem> {
        match self.get(HOP) {
            None => Ok(0),
            Some(text) => number(text)
                .ok_or_else(|| Problem::invalid("hop counts redirects and is for Confman's own use: leave it out")),
        }
    }
}

fn number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Undoes the encoding of HTML forms, which all clients use for queries.
fn form_decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    decode(&spaced).map(|decoded| decoded.into_owned()).map_err(Problem::invalid)
}
