//! The bounds of the public contract and of what nodes say to each other, in one place.

/// A value's length in UTF-8 bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// A request body's length: a value of the largest size with every character escaped.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// A list page ends early once its items reach this many bytes.
pub const PAGE_BYTES_MAX: usize = 4 << 20;
/// Items on one page, and how many where the client does not say.
pub const PAGE_ITEMS_MAX: usize = 1000;
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// One frame between nodes. Appends and snapshot chunks are cut to stay well below it.
pub const FRAME_BYTES_MAX: usize = 16 << 20;
/// A frame before the handshake is done: a stranger can make us allocate this much and no more.
pub const HELLO_BYTES_MAX: usize = 4 << 10;
/// Entries in one append frame, in bytes; one entry may be larger than this alone.
pub const APPEND_BYTES_MAX: usize = 2 << 20;
/// Rows in one snapshot chunk, in bytes.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;
