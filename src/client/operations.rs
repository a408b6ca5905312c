use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exchange::Call;
use super::verdict::refusal;
use super::{Client, Error, Pages, path};
use crate::wire::{
    AuditEvent, Cluster, DiffItem, Entry, Health, HistoryItem, Namespace, Ready, RollbackRequest, SetNamespaceRequest,
    SetRequest, Slug, TxnAnswer, TxnRequest, ValueType,
};

/// What a write made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// As it is now.
    pub now: T,
    /// Whether there was none before.
    pub created: bool,
}

/// A delete that found what it was to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The version token of the delete. Opaque.
    pub revision: String,
}

/// What a rollback made of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolledBack {
    Set(Written<Entry>),
    /// The revision had deleted it.
    Deleted(Deleted),
}

impl Client {
    /// One entry; `None` where there is none.
    pub async fn get(&self, namespace: &str, key: &str) -> Result<Option<Entry>, Error> {
        self.read(path::entry(namespace, key)?).await
    }

    /// One entry as it was at a revision or a time; `None` where there was none.
    pub async fn get_at(&self, namespace: &str, key: &str, at: &str) -> Result<Option<Entry>, Error> {
        self.read(path::with_query(&path::entry(namespace, key)?, &[("at", at)])).await
    }

    /// All that an entry was, newest first, deletes too. A key that was never set is refused with [`Slug::NotFound`].
    pub fn history(&self, namespace: &str, key: &str) -> Result<Pages<HistoryItem>, Error> {
        Ok(Pages::new(self.clone(), path::of_entry(namespace, key, "history")?, &[]))
    }

    /// The keys of a namespace whose values are not the same at two revisions or times, in the order of their bytes; an
    /// empty `to` is now. All pages compare the same two revisions.
    pub fn diff(&self, namespace: &str, from: &str, to: &str) -> Result<Pages<DiffItem>, Error> {
        Ok(Pages::new(self.clone(), path::diff(namespace)?, &[("from", from), ("to", to)]))
    }

    /// Makes an entry again what it was at a revision of its history. A revision that its history does not have is
    /// refused with [`Slug::NotFound`].
    pub async fn rollback(&self, namespace: &str, key: &str, revision: &str) -> Result<RolledBack, Error> {
        let body = RollbackRequest { revision: revision.to_owned() };
        let body = serde_json::to_vec(&body).expect("a request is plain data with string keys");
        let path = path::of_entry(namespace, key, "rollback")?;
        let answer = self.exchange(&Call { method: Method::POST, path, body: body.into() }).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Err(refusal(&answer)),
            StatusCode::NO_CONTENT => Ok(RolledBack::Deleted(deleted(&answer)?)),
            status => {
                Ok(RolledBack::Set(Written { now: parse(&answer, true)?, created: status == StatusCode::CREATED }))
            }
        }
    }

    /// Sets an entry. The value must parse as its type.
    pub async fn set(
        &self,
        namespace: &str,
        key: &str,
        value: &str,
        value_type: ValueType,
    ) -> Result<Written<Entry>, Error> {
        let body = SetRequest { value: value.to_owned(), value_type };
        self.put(path::entry(namespace, key)?, &body).await
    }

    /// Deletes an entry; `None` where there was none.
    pub async fn delete(&self, namespace: &str, key: &str) -> Result<Option<Deleted>, Error> {
        self.remove(path::entry(namespace, key)?).await
    }

    /// Several changes at one revision: all of them where every comparison holds, else none, which is refused with
    /// [`Slug::PreconditionFailed`].
    pub async fn txn(&self, txn: &TxnRequest) -> Result<TxnAnswer, Error> {
        let body = serde_json::to_vec(txn).expect("a request is plain data with string keys");
        let call = Call { method: Method::POST, path: "/api/v1/txn".to_owned(), body: body.into() };
        let answer = self.exchange(&call).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(not_found_for_a_write());
        }
        parse(&answer, true)
    }

    /// The entries of a namespace whose keys begin with `prefix`, in the order of their bytes. An unknown namespace has
    /// none. All pages show one revision.
    pub fn list(&self, namespace: &str, prefix: &str) -> Result<Pages<Entry>, Error> {
        Ok(Pages::new(self.clone(), path::list(namespace)?, &[("prefix", prefix)]))
    }

    /// The same as they were at a revision or a time.
    pub fn list_at(&self, namespace: &str, prefix: &str, at: &str) -> Result<Pages<Entry>, Error> {
        Ok(Pages::new(self.clone(), path::list(namespace)?, &[("prefix", prefix), ("at", at)]))
    }

    /// The audit of a namespace, or of all (which takes an admin's key), newest first.
    pub fn audit(&self, namespace: Option<&str>) -> Result<Pages<AuditEvent>, Error> {
        Ok(Pages::new(self.clone(), path::audit(namespace)?, &[]))
    }

    /// The namespaces whose paths begin with `prefix`, in the order of their bytes. All pages show one revision.
    pub fn namespaces(&self, prefix: &str) -> Pages<Namespace> {
        Pages::new(self.clone(), "/api/v1/namespaces".to_owned(), &[("prefix", prefix)])
    }

    /// One namespace; `None` where there is none.
    pub async fn namespace(&self, namespace: &str) -> Result<Option<Namespace>, Error> {
        self.read(path::namespace(namespace)?).await
    }

    /// Sets what a namespace is for, and who answers for it.
    pub async fn set_namespace(
        &self,
        namespace: &str,
        description: &str,
        owner: &str,
    ) -> Result<Written<Namespace>, Error> {
        let body = SetNamespaceRequest { description: description.to_owned(), owner: owner.to_owned() };
        self.put(path::namespace(namespace)?, &body).await
    }

    /// Deletes a namespace that has no entries; `None` where there was none. One with entries is refused with
    /// [`Slug::NamespaceNotEmpty`].
    pub async fn delete_namespace(&self, namespace: &str) -> Result<Option<Deleted>, Error> {
        self.remove(path::namespace(namespace)?).await
    }

    /// The cluster as one node sees it.
    pub async fn cluster(&self) -> Result<Cluster, Error> {
        self.must_read("/api/v1/cluster").await
    }

    /// Whether a node's process can serve. Takes no key.
    pub async fn health(&self) -> Result<Health, Error> {
        self.must_read("/health").await
    }

    /// Whether a node has caught up and knows the leader, and which that is. Takes no key.
    pub async fn ready(&self) -> Result<Ready, Error> {
        self.must_read("/health/ready").await
    }

    async fn read<T: DeserializeOwned>(&self, path: String) -> Result<Option<T>, Error> {
        let answer = self.exchange(&Call::get(path)).await?;
        if answer.status() == StatusCode::NOT_FOUND { Ok(None) } else { parse(&answer, false).map(Some) }
    }

    pub(super) async fn must_read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let nothing = || Error::Unexpected { what: format!("there is no {path}"), may_have_happened: false };
        self.read(path.to_owned()).await?.ok_or_else(nothing)
    }

    async fn put<T: DeserializeOwned>(&self, path: String, body: &impl Serialize) -> Result<Written<T>, Error> {
        let body = serde_json::to_vec(body).expect("a request is plain data with string keys");
        let answer = self.exchange(&Call { method: Method::PUT, path, body: body.into() }).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(not_found_for_a_write());
        }
        Ok(Written { now: parse(&answer, true)?, created: answer.status() == StatusCode::CREATED })
    }

    async fn remove(&self, path: String) -> Result<Option<Deleted>, Error> {
        let answer = self.exchange(&Call { method: Method::DELETE, path, body: Bytes::new() }).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        deleted(&answer).map(Some)
    }
}

fn not_found_for_a_write() -> Error {
    Error::Unexpected { what: format!("404 {} for a write", Slug::NotFound), may_have_happened: false }
}

fn deleted(answer: &Response<Bytes>) -> Result<Deleted, Error> {
    let version = answer.headers().get("x-confman-version").and_then(|version| version.to_str().ok());
    let missing = || Error::Unexpected { what: "a delete without a version".to_owned(), may_have_happened: true };
    Ok(Deleted { revision: version.ok_or_else(missing)?.to_owned() })
}

/// Reads the body of a good answer.
pub(super) fn parse<T: DeserializeOwned>(answer: &Response<Bytes>, is_write: bool) -> Result<T, Error> {
    serde_json::from_slice(answer.body()).map_err(|error| Error::Unexpected {
        what: format!("{} with a body that cannot be read: {error}", answer.status().as_u16()),
        may_have_happened: is_write,
    })
}
