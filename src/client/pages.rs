use std::marker::PhantomData;

use futures_util::Stream;
use futures_util::stream::{self, TryStreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::exchange::Call;
use super::operations::parse;
use super::verdict::refusal;
use super::{Client, Error, path};
use crate::base::limits::PAGE_ITEMS_MAX;
use crate::wire::Pagination;

/// A list, read page by page. Each page has the client's whole timeout.
pub struct Pages<T> {
    client: Client,
    path: String,
    /// What the list is asked for beside its pages.
    query: Vec<(&'static str, String)>,
    limit: usize,
    next: Next,
    items: PhantomData<fn() -> T>,
}

enum Next {
    First,
    After(String),
    Nothing,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The revision that the page shows.
    pub revision: Option<String>,
    /// For [`Pages::after`]; absent on the last page.
    pub cursor: Option<String>,
}

/// What all lists look like.
#[derive(Deserialize)]
struct WirePage<T> {
    items: Vec<T>,
    revision: Option<String>,
    pagination: Pagination,
}

impl<T: DeserializeOwned> Pages<T> {
    pub(super) fn new(client: Client, path: String, query: &[(&'static str, &str)]) -> Pages<T> {
        let given = query.iter().filter(|(_, value)| !value.is_empty());
        let query = given.map(|(name, value)| (*name, (*value).to_owned())).collect();
        Pages { client, path, query, limit: PAGE_ITEMS_MAX, next: Next::First, items: PhantomData }
    }

    /// At most so many items on each page; 1000 where nobody says otherwise, which is the most.
    pub fn with_page_size(self, limit: usize) -> Pages<T> {
        Pages { limit, ..self }
    }

    /// Goes on behind an earlier page of the same list.
    pub fn after(self, cursor: String) -> Pages<T> {
        Pages { next: Next::After(cursor), ..self }
    }

    /// The next page; `None` behind the last one. After an error the same page can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, Error> {
        let limit = self.limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(self.query.iter().map(|(name, value)| (*name, value.as_str())));
        match &self.next {
            Next::First => {}
            Next::After(cursor) => query.push(("cursor", cursor)),
            Next::Nothing => return Ok(None),
        }
        let answer = self.client.exchange(&Call::get(path::with_query(&self.path, &query))).await?;
        let unexpected = |what: &str| Error::Unexpected { what: what.to_owned(), may_have_happened: false };
        // Of a list that is about one thing: there is none.
        if answer.status() == http::StatusCode::NOT_FOUND {
            return Err(refusal(&answer));
        }
        let WirePage { items, revision, pagination } = parse(&answer, false)?;
        let cursor = pagination.next_cursor.filter(|_| pagination.has_more);
        self.next = match (&cursor, &self.next) {
            (None, _) if pagination.has_more => return Err(unexpected("a page with more to come and no cursor")),
            (None, _) => Next::Nothing,
            (Some(cursor), Next::After(before)) if cursor == before => {
                return Err(unexpected("a page whose cursor leads back to it"));
            }
            (Some(cursor), _) => Next::After(cursor.clone()),
        };
        Ok(Some(Page { items, revision, cursor }))
    }

    /// All items of all pages that were not read yet.
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            all.extend(page.items);
        }
        Ok(all)
    }

    /// The items one by one, a page at a time in memory. Ends at the first error.
    pub fn stream(self) -> impl Stream<Item = Result<T, Error>> {
        let pages = stream::try_unfold(self, |mut pages| async move {
            let page = pages.next_page().await?;
            Ok::<_, Error>(page.map(|page| (stream::iter(page.items.into_iter().map(Ok)), pages)))
        });
        pages.try_flatten()
    }
}
