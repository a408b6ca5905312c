//! What every host's [`Files`] and [`Stores`] must do, as checks that run against any of them.
//!
//! The real host and the simulated one pass the same checks, so that what the simulator proves about a node holds on
//! a real disk. Each check works in a folder or a store of its own; a failure says which promise was broken. What
//! only a power loss shows is not checked here: the real host cannot be made to lose power.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;

use super::{Batch, Direction, File, Files, KeyRange, Row, Store, StoreView, Stores};

/// Checks [`Files`] and [`File`]. Uses the folder `contract`, which must not exist.
pub async fn files(files: Arc<dyn Files>) {
    let dir = "contract";
    assert_eq!(list(&files, dir).await, [""; 0], "a folder that does not exist lists as empty");
    let missing = files.create("contract/a").await.err().map(|error| error.kind());
    assert_eq!(missing, Some(ErrorKind::NotFound), "create: the folder must exist");
    files.create_dir(dir).await.expect("create_dir makes a folder");
    files.create_dir(dir).await.expect("create_dir is fine where the folder exists");
    files.create_dir("contract/deep/er").await.expect("create_dir makes the parents too");
    files.sync_dir("").await.expect("sync_dir of the data directory");
    files.sync_dir("contract/deep").await.expect("sync_dir of a folder");
    files.create("contract/deep/er/file").await.expect("create in a deep folder");
    assert_eq!(list(&files, dir).await, [""; 0], "list shows no folders and does not descend");
    assert_eq!(list(&files, "contract/deep/er").await, ["file"], "list of a deep folder");
    names(&files).await;
    bytes_of_one_file(&files).await;
    calls_in_order(&files).await;
    an_open_file_outlives_its_name(&files).await;
    paths_stay_inside(&files).await;
    let free = files.free_bytes().await.expect("free_bytes");
    assert!(free > 0, "free_bytes: a disk that just took writes has room");
}

async fn list(files: &Arc<dyn Files>, dir: &str) -> Vec<String> {
    files.list(dir).await.unwrap_or_else(|error| panic!("list {dir:?}: {error}"))
}

async fn whole(file: &Arc<dyn File>) -> Bytes {
    file.read_at(0, 1 << 20).await.expect("read_at of a whole file")
}

async fn names(files: &Arc<dyn Files>) {
    let kind = |done: std::io::Result<()>| done.err().map(|error| error.kind());
    for name in ["contract/b", "contract/a", "contract/c"] {
        files.create(name).await.expect("create");
    }
    assert_eq!(list(files, "contract").await, ["a", "b", "c"], "list is sorted");
    let taken = files.create("contract/a").await.err().map(|error| error.kind());
    assert_eq!(taken, Some(ErrorKind::AlreadyExists), "create: the name is taken");
    let missing = files.open("contract/none").await.err().map(|error| error.kind());
    assert_eq!(missing, Some(ErrorKind::NotFound), "open: no such file");

    let a = files.open("contract/a").await.expect("open what exists");
    a.write_at(0, Bytes::from_static(b"from a")).await.expect("write_at");
    files.rename("contract/a", "contract/b").await.expect("rename replaces what had the name");
    assert_eq!(list(files, "contract").await, ["b", "c"], "rename takes the old name away");
    let b = files.open("contract/b").await.expect("open the renamed");
    assert_eq!(whole(&b).await, "from a", "rename moves the content");
    files.rename("contract/b", "contract/deep/b").await.expect("rename into another folder");
    assert_eq!(list(files, "contract/deep").await, ["b"], "rename into another folder");
    let rename = kind(files.rename("contract/none", "contract/d").await);
    assert_eq!(rename, Some(ErrorKind::NotFound), "rename: no such file");

    files.remove("contract/c").await.expect("remove");
    assert_eq!(kind(files.remove("contract/c").await), Some(ErrorKind::NotFound), "remove: no such file");
    assert_eq!(list(files, "contract").await, [""; 0], "what was removed is not listed");
    let again = files.create("contract/c").await.expect("a removed name is free");
    assert_eq!(again.len().await.expect("len"), 0, "a file made anew is empty");
    files.sync_dir("contract").await.expect("sync_dir");
}

async fn bytes_of_one_file(files: &Arc<dyn Files>) {
    let file = files.create("contract/bytes").await.expect("create");
    assert_eq!(file.len().await.expect("len"), 0, "a new file is empty");
    assert_eq!(whole(&file).await, "", "a new file reads as nothing");
    file.write_at(0, Bytes::from_static(b"hello")).await.expect("write_at");
    file.write_at(8, Bytes::from_static(b"there")).await.expect("write_at beyond the end");
    assert_eq!(whole(&file).await, "hello\0\0\0there", "write_at beyond the end leaves zeros between");
    file.write_at(3, Bytes::from_static(b"LOW")).await.expect("write_at over what is there");
    assert_eq!(whole(&file).await, "helLOW\0\0there", "write_at changes its own bytes alone");
    file.write_at(2, Bytes::new()).await.expect("write_at of nothing");
    assert_eq!(file.len().await.expect("len"), 13, "len counts the bytes");
    assert_eq!(file.read_at(3, 3).await.expect("read_at"), "LOW", "read_at in the middle");
    assert_eq!(file.read_at(10, 100).await.expect("read_at"), "ere", "read_at is short at the end");
    assert_eq!(file.read_at(13, 1).await.expect("read_at"), "", "read_at from the end on is empty");
    assert_eq!(file.read_at(99, 1).await.expect("read_at"), "", "read_at beyond the end is empty");
    assert_eq!(file.read_at(0, 0).await.expect("read_at"), "", "read_at of nothing is empty");
    file.truncate(4).await.expect("truncate to less");
    assert_eq!(whole(&file).await, "helL", "truncate cuts");
    file.truncate(6).await.expect("truncate to more");
    assert_eq!(whole(&file).await, "helL\0\0", "truncate grows with zeros, never with what was cut");
    file.sync().await.expect("sync");
    file.sync().await.expect("sync of nothing new");
    file.write_and_sync(4, Bytes::from_static(b"!")).await.expect("write_and_sync");
    assert_eq!(whole(&file).await, "helL!\0", "write_and_sync writes");
    file.truncate(4).await.expect("truncate");
    file.truncate(6).await.expect("truncate");

    let other = files.open("contract/bytes").await.expect("a second handle");
    assert_eq!(whole(&other).await, "helL\0\0", "open does not change the content");
    other.write_at(0, Bytes::from_static(b"J")).await.expect("write_at through the second handle");
    assert_eq!(whole(&file).await, "JelL\0\0", "two handles of one file see the same");
    let big = Bytes::from(vec![7; 3 << 20]);
    file.write_at(1, big.clone()).await.expect("write_at of 3 MiB");
    assert_eq!(file.read_at(1, 3 << 20).await.expect("read_at"), big, "3 MiB come back");
    let nearly_all = file.read_at(0, usize::MAX >> 1).await.expect("read_at of more than memory");
    assert_eq!(nearly_all.len(), (3 << 20) + 1, "read_at allocates no more than there is");
}

async fn calls_in_order(files: &Arc<dyn Files>) {
    let file = files.create("contract/order").await.expect("create");
    // Called in this order, awaited in the opposite one, and the first never awaited at all.
    drop(file.write_and_sync(0, Bytes::from_static(b"aaaa")));
    let second = file.write_at(2, Bytes::from_static(b"bb"));
    let read = file.read_at(0, 10);
    let cut = file.truncate(3);
    let len = file.len();
    let third = file.write_at(1, Bytes::from_static(b"c"));
    let last = file.read_at(0, 10);
    assert_eq!(last.await.expect("read_at"), "acb", "calls on one file take effect in the order they were made");
    third.await.expect("write_at");
    assert_eq!(len.await.expect("len"), 3, "len sees what was called before it");
    cut.await.expect("truncate");
    assert_eq!(read.await.expect("read_at"), "aabb", "read_at sees what was called before it, and nothing after");
    second.await.expect("write_at");
    for number in 0..100_u8 {
        drop(file.write_at(0, Bytes::copy_from_slice(&[number])));
    }
    file.sync().await.expect("sync");
    assert_eq!(file.read_at(0, 1).await.expect("read_at")[0], 99, "the last of many writes wins");
}

async fn an_open_file_outlives_its_name(files: &Arc<dyn Files>) {
    let file = files.create("contract/doomed").await.expect("create");
    file.write_at(0, Bytes::from_static(b"still here")).await.expect("write_at");
    files.remove("contract/doomed").await.expect("remove while it is open");
    assert_eq!(whole(&file).await, "still here", "an open file can be read after its name is gone");
    let fresh = files.create("contract/doomed").await.expect("create under the freed name");
    assert_eq!(whole(&fresh).await, "", "the new file is another one");
    files.rename("contract/doomed", "contract/moved").await.expect("rename while it is open");
    fresh.write_at(0, Bytes::from_static(b"moved")).await.expect("write_at after the rename");
    let moved = files.open("contract/moved").await.expect("open");
    assert_eq!(whole(&moved).await, "moved", "an open file is the same file under its new name");
}

async fn paths_stay_inside(files: &Arc<dyn Files>) {
    for path in ["", "..", "../contract", "contract/../x", "/contract/x", "contract//x", "contract/", "./contract/x"] {
        assert!(files.create(path).await.is_err(), "create refuses the path {path:?}");
        assert!(files.open(path).await.is_err(), "open refuses the path {path:?}");
        assert!(files.remove(path).await.is_err(), "remove refuses the path {path:?}");
    }
    assert!(files.rename("contract/bytes", "../bytes").await.is_err(), "rename refuses to leave the data directory");
    files.open("contract/bytes").await.expect("a refused rename changes nothing");
}

/// Checks [`Stores`], [`Store`] and [`StoreView`]. Uses stores whose names begin with `contract`; there must be none.
pub async fn stores(stores: Arc<dyn Stores>) {
    let before = stores.list().await.expect("list");
    assert!(before.iter().all(|name| !name.starts_with("contract")), "a clean start: {before:?}");
    stores.remove("contract-none").await.expect("remove is fine where there is none");

    let one = stores.open("contract-1").await.expect("open makes a store where there is none");
    rows(&one).await;
    batches(&one).await;
    views(&one).await;
    large_values(&one).await;

    let two = stores.open("contract-2").await.expect("open a second store");
    assert_eq!(two.get(b"b").expect("get"), None, "stores do not share rows");
    put(&two, &[("only", "two")]).await;
    let listed = stores.list().await.expect("list");
    let ours: Vec<_> = listed.iter().filter(|name| name.starts_with("contract")).collect();
    assert_eq!(ours, ["contract-1", "contract-2"], "list names the stores, sorted");

    drop(two);
    let two = stores.open("contract-2").await.expect("open what was closed");
    assert_eq!(get(&*two, "only"), "two", "what was committed is there when the store is opened again");
    drop(two);
    stores.remove("contract-2").await.expect("remove");
    let listed = stores.list().await.expect("list");
    assert!(!listed.contains(&"contract-2".to_owned()), "a removed store is not listed: {listed:?}");
    let two = stores.open("contract-2").await.expect("open under a removed name");
    assert_eq!(all(&*two).len(), 0, "a store made anew is empty");
    drop(two);
    drop(one);
    for name in ["contract-1", "contract-2"] {
        stores.remove(name).await.expect("remove");
    }
}

async fn put(store: &Arc<dyn Store>, pairs: &[(&'static str, &'static str)]) {
    let mut batch = Batch::default();
    for (key, value) in pairs {
        batch.put(Bytes::from_static(key.as_bytes()), Bytes::from_static(value.as_bytes()));
    }
    store.commit(batch).await.expect("commit");
}

fn get(view: &dyn StoreView, key: &str) -> String {
    let value = view.get(key.as_bytes()).expect("get").unwrap_or_else(|| panic!("{key} is there"));
    String::from_utf8(value.to_vec()).expect("the checks store text")
}

fn range(start: &str, end: &str) -> KeyRange {
    KeyRange { start: Bytes::copy_from_slice(start.as_bytes()), end: Bytes::copy_from_slice(end.as_bytes()) }
}

fn scan(view: &dyn StoreView, start: &str, end: &str, limit: usize, direction: Direction) -> String {
    let rows = view.scan(&range(start, end), limit, direction).expect("scan");
    let text = |(key, value): &Row| format!("{}={}", String::from_utf8_lossy(key), String::from_utf8_lossy(value));
    rows.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn all(view: &dyn StoreView) -> Vec<Row> {
    let everything = KeyRange { start: Bytes::new(), end: Bytes::from_static(&[0xFF; 8]) };
    view.scan(&everything, usize::MAX, Direction::Forward).expect("scan of everything")
}

async fn rows(store: &Arc<dyn Store>) {
    use Direction::{Backward, Forward};

    assert_eq!(store.get(b"b").expect("get"), None, "a new store is empty");
    store.commit(Batch::default()).await.expect("commit of nothing");
    put(store, &[("b", "2"), ("a", "1"), ("d", "4"), ("c", ""), ("ba", "21")]).await;
    assert_eq!(get(&**store, "b"), "2", "get sees a commit that has returned");
    assert_eq!(get(&**store, "c"), "", "an empty value is a value");
    assert_eq!(store.get(b"bb").expect("get"), None, "get finds the whole key alone");
    let view = &**store;
    assert_eq!(scan(view, "a", "z", 9, Forward), "a=1 b=2 ba=21 c= d=4", "scan goes in byte order");
    assert_eq!(scan(view, "a", "z", 9, Backward), "d=4 c= ba=21 b=2 a=1", "a backward scan begins at the end");
    assert_eq!(scan(view, "b", "d", 9, Forward), "b=2 ba=21 c=", "a range has its start and not its end");
    assert_eq!(scan(view, "b", "d", 9, Backward), "c= ba=21 b=2", "backwards too");
    assert_eq!(scan(view, "a", "z", 2, Forward), "a=1 b=2", "scan stops at its limit");
    assert_eq!(scan(view, "a", "z", 2, Backward), "d=4 c=", "the limit counts from the end that scan begins at");
    assert_eq!(scan(view, "a", "z", 0, Forward), "", "a limit of none");
    assert_eq!(scan(view, "b", "b", 9, Forward), "", "an empty range");
    assert_eq!(scan(view, "d", "a", 9, Forward), "", "a range whose end lies before its start is empty");
    assert_eq!(scan(view, "d", "a", 9, Backward), "", "backwards too");
    assert_eq!(scan(view, "a", "", 9, Forward), "", "an empty end is the lowest key, not the highest");
}

async fn batches(store: &Arc<dyn Store>) {
    let mut batch = Batch::default();
    batch.put(Bytes::from_static(b"twice"), Bytes::from_static(b"first"));
    batch.put(Bytes::from_static(b"gone"), Bytes::from_static(b"x"));
    batch.remove(Bytes::from_static(b"back"));
    batch.remove(Bytes::from_static(b"a"));
    batch.remove(Bytes::from_static(b"never there"));
    batch.put(Bytes::from_static(b"twice"), Bytes::from_static(b"second"));
    batch.remove(Bytes::from_static(b"gone"));
    batch.put(Bytes::from_static(b"back"), Bytes::from_static(b"again"));
    store.commit(batch).await.expect("commit");
    assert_eq!(get(&**store, "twice"), "second", "the later of two puts of one key wins");
    assert_eq!(store.get(b"gone").expect("get"), None, "a removal wins over an earlier put of the batch");
    assert_eq!(get(&**store, "back"), "again", "a put wins over an earlier removal of the batch");
    assert_eq!(store.get(b"a").expect("get"), None, "a removal takes away what an earlier commit put");
    assert_eq!(
        scan(&**store, "a", "c", 9, Direction::Forward),
        "b=2 ba=21 back=again",
        "what was removed is not scanned"
    );
    let binary = Bytes::from_static(&[0x00, 0xFF, 0x00]);
    let mut batch = Batch::default();
    batch.put(binary.clone(), Bytes::from_static(&[0xFF, 0x00]));
    store.commit(batch).await.expect("commit");
    assert_eq!(store.get(&binary).expect("get").as_deref(), Some(&[0xFF, 0x00][..]), "keys and values are any bytes");
    // Called one after another and not awaited: the order of the calls is the order of the commits.
    for number in 0..50_u8 {
        let mut batch = Batch::default();
        batch.put(Bytes::from_static(b"number"), Bytes::copy_from_slice(&[number]));
        drop(store.commit(batch));
    }
    store.commit(Batch::default()).await.expect("commit");
    assert_eq!(store.get(b"number").expect("get").as_deref(), Some(&[49][..]), "commits happen in the order of calls");
}

async fn views(store: &Arc<dyn Store>) {
    put(store, &[("view", "old"), ("view-gone", "there")]).await;
    let view = store.view().expect("view");
    let before = all(&*view);
    let mut batch = Batch::default();
    batch.put(Bytes::from_static(b"view"), Bytes::from_static(b"new"));
    batch.put(Bytes::from_static(b"view-new"), Bytes::from_static(b"1"));
    batch.remove(Bytes::from_static(b"view-gone"));
    store.commit(batch).await.expect("commit");
    assert_eq!(get(&*view, "view"), "old", "a view is not moved by a later commit");
    assert_eq!(get(&*view, "view-gone"), "there", "a view keeps what a later commit removes");
    assert_eq!(view.get(b"view-new").expect("get"), None, "a view does not see what a later commit puts");
    assert_eq!(all(&*view), before, "a view's scan is not moved by a later commit");
    assert_eq!(get(&**store, "view"), "new", "the store itself has moved");
    assert_eq!(get(&*store.view().expect("view"), "view"), "new", "a new view sees the commit");
    for number in 0..2_000 {
        let mut batch = Batch::default();
        batch.put(format!("many/{number:05}").into(), vec![b'x'; 100].into());
        batch.put(Bytes::from_static(b"view"), format!("{number}").into());
        store.commit(batch).await.expect("commit");
    }
    assert_eq!(all(&*view), before, "nor by two thousand");
    let rows = store.scan(&range("many/", "many0"), usize::MAX, Direction::Forward).expect("scan");
    assert_eq!(rows.len(), 2_000, "a scan finds all rows of its range");
    assert!(rows.is_sorted_by(|one, other| one.0 < other.0), "in order, each once");
}

async fn large_values(store: &Arc<dyn Store>) {
    let large = Bytes::from((0..1_u32 << 18).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    for key in ["large/1", "large/2", "large/3"] {
        let mut batch = Batch::default();
        batch.put(key.into(), large.clone());
        store.commit(batch).await.expect("commit of a value of 1 MiB");
    }
    assert_eq!(store.get(b"large/2").expect("get"), Some(large.clone()), "a value of 1 MiB comes back");
    let rows = store.scan(&range("large/", "large0"), 9, Direction::Backward).expect("scan");
    assert_eq!(rows.first(), Some(&(Bytes::from_static(b"large/3"), large)), "also by a scan");
    let long_key = Bytes::from(vec![b'k'; 4 << 10]);
    let mut batch = Batch::default();
    batch.put(long_key.clone(), Bytes::from_static(b"v"));
    store.commit(batch).await.expect("commit of a key of 4 KiB");
    assert_eq!(store.get(&long_key).expect("get").as_deref(), Some(&b"v"[..]), "a key of 4 KiB");
}
