use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::damage::{self, Damage};
use super::inode::Inode;
use super::tap::{Change, DiskTap, DurableFiles};
use super::wrongs::{DiskFault, Wrongs};
use crate::coverage::Point;
use crate::runtime::elapsed;
use crate::schedule::Damaged;

/// How fast a disk is, and what may become of a store at a power loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiskSettings {
    /// A read or write takes between these many microseconds.
    pub access_us: (u64, u64),
    /// A sync takes between these many microseconds.
    pub sync_us: (u64, u64),
    /// At a power loss a store does not open afterwards, with this probability.
    pub store_breaks: f64,
    /// At a power loss a store comes back empty without saying so, with this probability.
    pub store_empties: f64,
}

impl Default for DiskSettings {
    fn default() -> DiskSettings {
        DiskSettings { access_us: (5, 60), sync_us: (200, 3_000), store_breaks: 0.15, store_empties: 0.05 }
    }
}

/// A machine's disk. Outlives the processes that use it.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

pub(super) type File = Arc<Mutex<Inode>>;

struct Inner {
    settings: DiskSettings,
    rng: StdRng,
    names: Names,
    durable: Names,
    /// Changes of names since their folder's last sync, in order.
    unsynced: Vec<NameChange>,
    wrongs: Wrongs,
    /// Incarnations that were given an error.
    hurt: BTreeSet<u32>,
    damages: Vec<Damage>,
    tap: Option<Arc<dyn DiskTap>>,
}

#[derive(Clone, Default)]
struct Names {
    files: BTreeMap<String, File>,
    folders: BTreeSet<String>,
}

#[derive(Clone)]
enum NameChange {
    Create { path: String, file: File },
    Rename { from: String, to: String, file: File },
    Remove { path: String, file: File },
    CreateFolder { path: String },
}

impl NameChange {
    fn folder(&self) -> &str {
        match self {
            NameChange::Create { path, .. } | NameChange::Remove { path, .. } => parent(path),
            NameChange::CreateFolder { path } => parent(path),
            NameChange::Rename { to, .. } => parent(to),
        }
    }
}

impl Names {
    /// Makes a change, also where changes before it were lost.
    fn make(&mut self, change: &NameChange) {
        let is = |names: &Names, path: &str, file: &File| names.files.get(path).is_some_and(|f| Arc::ptr_eq(f, file));
        match change {
            NameChange::Create { path, file } => {
                self.files.insert(path.clone(), file.clone());
            }
            NameChange::Rename { from, to, file } => {
                if is(self, from, file) {
                    self.files.remove(from);
                }
                self.files.insert(to.clone(), file.clone());
            }
            NameChange::Remove { path, file } => {
                if is(self, path, file) {
                    self.files.remove(path);
                }
            }
            NameChange::CreateFolder { path } => {
                self.folders.insert(path.clone());
            }
        }
    }

    fn has_folder(&self, folder: &str) -> bool {
        folder.is_empty() || self.folders.contains(folder)
    }

    fn drop_orphans(&mut self) {
        let reachable = |folders: &BTreeSet<String>, mut folder: &str| {
            while !folder.is_empty() {
                if !folders.contains(folder) {
                    return false;
                }
                folder = parent(folder);
            }
            true
        };
        let folders = std::mem::take(&mut self.folders);
        self.folders = folders.iter().filter(|folder| reachable(&folders, folder)).cloned().collect();
        let Names { files, folders } = self;
        files.retain(|path, _| reachable(folders, parent(path)));
    }
}

/// What a power loss did, for the trace.
pub struct Losses {
    pub sectors_kept: usize,
    pub sectors_unsynced: usize,
    pub names_kept: usize,
    pub names_unsynced: usize,
}

impl Losses {
    /// The points of coverage that it tells of.
    pub fn points(&self) -> Vec<Point> {
        let told = [
            (self.sectors_kept < self.sectors_unsynced, Point::UnsyncedBytesLost),
            (self.sectors_kept > 0, Point::UnsyncedBytesKept),
            (self.names_kept < self.names_unsynced, Point::UnsyncedNameLost),
        ];
        told.into_iter().filter(|(happened, _)| *happened).map(|(_, point)| point).collect()
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Losses { sectors_kept, sectors_unsynced, names_kept, names_unsynced } = self;
        write!(f, "kept {sectors_kept} of {sectors_unsynced} unsynced sectors, {names_kept} of {names_unsynced} names")
    }
}

impl Disk {
    pub fn new(settings: DiskSettings, rng: StdRng) -> Disk {
        Disk(Arc::new(Mutex::new(Inner {
            settings,
            rng,
            names: Names::default(),
            durable: Names::default(),
            unsynced: Vec::new(),
            wrongs: Wrongs::default(),
            hurt: BTreeSet::new(),
            damages: Vec::new(),
            tap: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic under this lock")
    }

    /// From now on this is wrong, until the same cause [`mend`](Self::mend)s it.
    pub fn disturb(&self, cause: u64, fault: DiskFault) {
        let mut inner = self.lock();
        let used = inner.used();
        inner.wrongs.begin(cause, fault, used);
    }

    /// Nothing is wrong any more by this cause. What is damaged stays damaged.
    pub fn mend(&self, cause: u64) {
        self.lock().wrongs.end(cause);
    }

    /// Damages a file, where one of this kind holds anything, while or after this incarnation runs.
    pub fn damage(&self, file: Damaged, how: damage::How, incarnation: u32, rng: &mut StdRng) -> Option<Damage> {
        let mut inner = self.lock();
        let damage = damage::inflict(&inner.names.files, file, how, incarnation, rng)?;
        inner.damages.push(damage.clone());
        Some(damage)
    }

    /// All damage so far.
    pub fn damages(&self) -> Vec<Damage> {
        self.lock().damages.clone()
    }

    /// The damage that is still there, as it was done.
    pub fn unmended(&self) -> Vec<Damage> {
        let inner = self.lock();
        inner.damages.iter().filter(|damage| damage.is_there(&inner.names.files)).cloned().collect()
    }

    /// Whether this incarnation was ever given an error, or found its files damaged.
    pub fn has_hurt(&self, incarnation: u32) -> bool {
        let inner = self.lock();
        inner.hurt.contains(&incarnation) || inner.damages.iter().any(|damage| damage.incarnation <= incarnation)
    }

    /// How much can still be written.
    pub fn free(&self) -> u64 {
        let inner = self.lock();
        inner.wrongs.capacity().map_or(1 << 40, |capacity| capacity.saturating_sub(inner.used()))
    }

    /// Lets `tap` see what is durable, whenever that changes.
    pub fn set_tap(&self, tap: Arc<dyn DiskTap>) {
        self.lock().tap = Some(tap);
    }

    /// The process on this machine died.
    pub fn crash(&self) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        for file in inner.names.files.values() {
            file.lock().expect("no panic under this lock").crash(elapsed(), &mut inner.rng);
        }
        let files: Vec<File> = inner.names.files.values().cloned().collect();
        files.iter().for_each(|file| inner.tell_of(file));
    }

    /// The machine went dark.
    pub fn power_loss(&self) -> Losses {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let unsynced = std::mem::take(&mut inner.unsynced);
        let mut losses = Losses { sectors_kept: 0, sectors_unsynced: 0, names_kept: 0, names_unsynced: unsynced.len() };
        let keep_share = [0.0, 0.5, 1.0][inner.rng.random_range(0..3)];
        for change in &unsynced {
            if inner.rng.random_bool(keep_share) {
                losses.names_kept += 1;
                inner.durable.make(change);
            }
        }
        inner.durable.drop_orphans();
        inner.names = inner.durable.clone();
        for file in inner.names.files.values() {
            let mut file = file.lock().expect("no panic under this lock");
            let (kept, dirty) = file.power_loss(elapsed(), &mut inner.rng);
            losses.sectors_kept += kept;
            losses.sectors_unsynced += dirty;
        }
        inner.tell(Change::PowerLoss);
        losses
    }

    /// Chooses how long an access takes.
    pub(super) fn access_cost(&self) -> Duration {
        let mut inner = self.lock();
        let (from, to) = inner.settings.access_us;
        let cost = Duration::from_micros(inner.rng.random_range(from..=to.max(from))) * inner.wrongs.access_slowness();
        cost + inner.wrongs.hangs_for()
    }

    /// Begins a sync: how long it takes, and whether it fails.
    pub(super) fn begin_sync(&self, incarnation: u32) -> (Duration, bool) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let (from, to) = inner.settings.sync_us;
        let cost = Duration::from_micros(inner.rng.random_range(from..=to.max(from))) * inner.wrongs.sync_slowness();
        let fails = inner.wrongs.sync_fails();
        if fails {
            inner.hurt.insert(incarnation);
        }
        (cost + inner.wrongs.hangs_for(), fails)
    }

    /// Begins a read: whether it fails.
    pub(super) fn read_fails(&self, incarnation: u32) -> bool {
        let mut inner = self.lock();
        let fails = inner.wrongs.read_fails();
        if fails {
            inner.hurt.insert(incarnation);
        }
        fails
    }

    /// Whether there is space for a file to grow.
    pub(super) fn has_space(&self, growth: u64, incarnation: u32) -> bool {
        let mut inner = self.lock();
        let fits = inner.wrongs.capacity().is_none_or(|capacity| growth == 0 || inner.used() + growth <= capacity);
        if !fits {
            inner.hurt.insert(incarnation);
        }
        fits
    }

    /// Whether a thing that takes a while happens at the beginning of that while, rather than at its end.
    pub(super) fn happens_first(&self) -> bool {
        self.lock().rng.random_bool(0.5)
    }

    pub(super) fn settle(&self, file: &File) {
        let mut inner = self.lock();
        file.lock().expect("no panic under this lock").settle(elapsed(), &mut inner.rng);
        inner.tell_of(file);
    }

    pub(super) fn create(&self, path: &str) -> io::Result<File> {
        check_path(path)?;
        let mut inner = self.lock();
        if !inner.names.has_folder(parent(path)) {
            return Err(not_found(path));
        }
        if inner.names.files.contains_key(path) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{path} exists")));
        }
        let file = File::default();
        inner.change(NameChange::Create { path: path.to_owned(), file: file.clone() });
        Ok(file)
    }

    pub(super) fn open(&self, path: &str) -> io::Result<File> {
        self.lock().names.files.get(path).cloned().ok_or_else(|| not_found(path))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_path(to)?;
        let mut inner = self.lock();
        let file = inner.names.files.get(from).cloned().ok_or_else(|| not_found(from))?;
        if !inner.names.has_folder(parent(to)) {
            return Err(not_found(to));
        }
        inner.change(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        let mut inner = self.lock();
        let file = inner.names.files.get(path).cloned().ok_or_else(|| not_found(path))?;
        inner.change(NameChange::Remove { path: path.to_owned(), file });
        Ok(())
    }

    pub(super) fn create_folder(&self, path: &str) {
        let mut inner = self.lock();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let folder = &path[..end];
            if !inner.names.has_folder(folder) {
                inner.change(NameChange::CreateFolder { path: folder.to_owned() });
            }
        }
    }

    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let inner = self.lock();
        let inside = inner.names.files.keys().filter(|path| parent(path) == folder);
        inside.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect()
    }

    pub(super) fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut inner = self.lock();
        if !inner.names.has_folder(folder) {
            return Err(not_found(folder));
        }
        let inner = &mut *inner;
        let (synced, rest) = std::mem::take(&mut inner.unsynced).into_iter().partition(|c| c.folder() == folder);
        inner.unsynced = rest;
        let synced: Vec<NameChange> = synced;
        for change in &synced {
            inner.durable.make(change);
        }
        if !synced.is_empty() {
            inner.tell(Change::Names);
        }
        Ok(())
    }
}

impl Inner {
    fn change(&mut self, change: NameChange) {
        self.names.make(&change);
        self.unsynced.push(change);
    }

    /// Tells the tap of a file whose durable content is another now. A file without a durable name has none.
    fn tell_of(&self, file: &File) {
        if !file.lock().expect("no panic under this lock").take_durable_changed() || self.tap.is_none() {
            return;
        }
        let named = self.durable.files.iter().find(|(_, durable)| Arc::ptr_eq(durable, file));
        if let Some((path, _)) = named {
            self.tell(Change::Content(path));
        }
    }

    fn tell(&self, change: Change<'_>) {
        if let Some(tap) = &self.tap {
            tap.changed(change, &self.durable);
        }
    }

    fn used(&self) -> u64 {
        self.names.files.values().map(|file| file.lock().expect("no panic under this lock").len_to_be()).sum()
    }
}

impl DurableFiles for Names {
    fn paths(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    fn read(&self, path: &str, with: &mut dyn FnMut(&Content)) {
        if let Some(file) = self.files.get(path) {
            with(file.lock().expect("no panic under this lock").durable());
        }
    }
}

/// What is not a plain relative path has no place here.
fn check_path(path: &str) -> io::Result<()> {
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{path:?} is not a path in the data directory"),
        ));
    }
    Ok(())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn not_found(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{path}: there is no such file or folder"))
}
