//! The bounds of the public contract and of what nodes say to each other, in one place.

/// A value's length in UTF-8 bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// A request body's length: a value of the largest size with every character escaped.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// A page of a list, as JSON. It ends early, and is longer only where its one item is.
pub const PAGE_BYTES_MAX: usize = 4 << 20;
/// What of a page its items may take: the rest is for what stands around them, a cursor of a kilobyte above all.
pub const PAGE_ITEMS_BYTES_MAX: usize = PAGE_BYTES_MAX - (4 << 10);
/// A namespace as a file, which is made in memory before a byte of it is sent.
pub const FILE_BYTES_MAX: usize = 8 << 20;
/// What an item of a page takes as JSON beside its texts, at most: names of members, numbers, times, digests.
pub const ENTRY_JSON_BYTES: usize = 320;
pub const NAMESPACE_JSON_BYTES: usize = 160;
pub const AUDIT_EVENT_JSON_BYTES: usize = 768;
/// Items on one page, and how many where the client does not say.
pub const PAGE_ITEMS_MAX: usize = 1000;
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Operations of one transaction, and as many comparisons.
pub const TXN_OPS_MAX: usize = 512;
/// A namespace's description, in UTF-8 bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4 << 10;
/// A namespace's owner, in UTF-8 bytes.
pub const OWNER_BYTES_MAX: usize = 256;
/// One frame between nodes. Appends and snapshot chunks are cut to stay well below it.
pub const FRAME_BYTES_MAX: usize = 16 << 20;
/// A frame before the handshake is done: a stranger can make us allocate this much and no more.
pub const HELLO_BYTES_MAX: usize = 4 << 10;
/// Entries in one append frame, in bytes; one entry may be larger than this alone.
pub const APPEND_BYTES_MAX: usize = 2 << 20;
/// Rows in one snapshot chunk, in bytes.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;
