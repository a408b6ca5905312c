//! The layout of a group's store.
//!
//! A key is: one byte for the space, the group (4 bytes), then the space's own fields. Numbers are big-endian and
//! names end with a zero byte, which no name contains: so the order of bytes is the order of the fields, and no
//! name is a prefix of another. A value is one byte for its format, then the record (postcard).
//!
//! | space | key | value |
//! |---|---|---|
//! | [`meta`] | name | format of the store; applied id, log time, hashes, cursor key; membership |
//! | [`config`] | namespace, key | current entry, or tombstone |
//! | [`history`] | namespace, key, index | what was current, as of the revision with that index |
//! | [`changes`] | index, n | namespace, key: what a revision changed |
//! | [`namespaces`] | namespace | its state, or tombstone |
//! | [`audit`] | index, n | one event |
//! | [`audit`] by namespace | namespace, index, n | nothing: the event is in the row above |
//! | [`dedup`] | principal, idempotency key | what became of the request with that key |
//! | [`dedup`] by time | log time, index | principal, idempotency key: by which receipts expire |
//! | [`terms`] | first index | the term that begins there |
//! | [`namespace_history`] | namespace, index | what was current, as of the revision with that index |
//! | [`lists`] | namespace, or nothing | the revision that last changed the list of its entries, or of namespaces |
//!
//! All spaces share one keyspace, so that a batch over several of them is never kept in part. All of them lie in
//! [`everything`], which is what a snapshot holds.
//!
//! A change of any record's format raises [`meta::STORE_FORMAT`] too: a node meets what is too new for it when it
//! opens the store, not in the midst of serving.

pub mod audit;
pub mod changes;
pub mod config;
pub mod dedup;
pub mod history;
mod key;
pub mod lists;
pub mod meta;
pub mod namespace_history;
pub mod namespaces;
mod past;
mod record;
mod scan;
mod space;
pub mod terms;
mod view;

pub use past::{DiffPage, Difference, HistoryPage};
pub use record::RowError;
pub use scan::Steps;
pub use space::{Space, everything, space_of};
pub use view::{ListPage, NamespacePage, Selection, StateView, Views};
