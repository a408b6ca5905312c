//! A run allocates and frees all the time; this allocator does it in a fraction of the system's time.

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;
