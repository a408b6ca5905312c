//! The `--data` folder of a local cluster: `dev.json` (keys), and for each node a folder with its configuration file,
//! its data and its log. The configuration files are written once and then belong to the user.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cli::configuration::read_config;
use crate::cli::{Failure, secrets};
use crate::config::NodeConfig;

/// Nodes talk to each other on ports this far above those of HTTP.
const PEER_PORTS_ABOVE: u16 = 100;
/// How long ports may still be held by nodes that are ending.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

/// A local cluster as it lies on disk. Holds the folder's lock.
pub(super) struct Cluster {
    pub nodes: Vec<DevNode>,
    pub admin_key: String,
    pub reader_key: String,
    pub folder: PathBuf,
    _lock: File,
}

/// One node of it.
#[derive(Clone, Debug)]
pub(super) struct DevNode {
    pub id: u64,
    pub url: String,
    pub http_listen: String,
    pub peer_listen: String,
    pub config: PathBuf,
    pub data: PathBuf,
    pub log: PathBuf,
}

/// What `dev.json` holds. Written last: where it exists, all else does.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DevFile {
    format: u32,
    nodes: u64,
    admin_key: String,
    reader_key: String,
}

const FORMAT: u32 = 1;

impl Cluster {
    /// Opens the cluster of a folder, or makes one there, and sees to it that its ports are free.
    pub fn open(folder: &Path, count: Option<u64>, port: u16) -> Result<Cluster, Failure> {
        fs::create_dir_all(folder).map_err(|error| cannot("be made", folder, &error))?;
        let folder = folder.canonicalize().map_err(|error| cannot("be found", folder, &error))?;
        let lock = lock(&folder)?;
        if !folder.join("dev.json").exists() {
            make(&folder, count.unwrap_or(3), port)?;
        }
        let dev = read_dev_file(&folder)?;
        if let Some(count) = count.filter(|count| *count != dev.nodes) {
            let what = format!("{} holds a cluster of {} nodes, not {count}", folder.display(), dev.nodes);
            return Err(Failure::refused(what).advise("Leave out --nodes, or give another folder with --data"));
        }
        let nodes = (1..=dev.nodes).map(|id| read_node(&folder, id)).collect::<Result<Vec<_>, _>>()?;
        wait_for_ports(&nodes)?;
        Ok(Cluster { nodes, admin_key: dev.admin_key, reader_key: dev.reader_key, folder, _lock: lock })
    }

    pub fn node(&self, id: u64) -> Option<&DevNode> {
        self.nodes.iter().find(|node| node.id == id)
    }
}

/// The addresses of the nodes of a folder, and the admin's key. The cluster may run or not.
pub(in crate::cli) fn whom_to_ask(folder: &Path) -> Result<(Vec<String>, String), Failure> {
    let dev = read_dev_file(folder)?;
    let nodes = (1..=dev.nodes).map(|id| read_node(folder, id)).collect::<Result<Vec<_>, _>>()?;
    Ok((nodes.into_iter().map(|node| node.url).collect(), dev.admin_key))
}

fn read_dev_file(folder: &Path) -> Result<DevFile, Failure> {
    let file = folder.join("dev.json");
    let text = fs::read_to_string(&file).map_err(|error| cannot("be read", &file, &error))?;
    let dev: DevFile = serde_json::from_str(&text)
        .map_err(|error| Failure::refused(format!("{} cannot be read: {error}", file.display())).advise(ELSEWHERE))?;
    if dev.format != FORMAT {
        let what = format!("{} is of format {}, this program knows {FORMAT}", file.display(), dev.format);
        return Err(Failure::refused(what).advise(ELSEWHERE));
    }
    Ok(dev)
}

const ELSEWHERE: &str = "Give another folder with --data, or move this one away to begin anew";

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::refused(format!("{} cannot {what}: {error}", path.display())).advise("Give another folder with --data")
}

/// One `confman dev` at a time. The lock ends with the process, however it ends.
fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("dev.lock");
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
    let mut file = options.open(&path).map_err(|error| cannot("be opened", &path, &error))?;
    match file.try_lock() {
        Ok(()) => {
            let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            written.map_err(|error| cannot("be written", &path, &error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Only for the message: without the pid it is still true.
            let _ = file.read_to_string(&mut pid);
            let what = format!("{} is in use by another `confman dev` (pid {})", folder.display(), pid.trim());
            Err(Failure::refused(what).advise("End that one with Ctrl-C, or give another folder with --data"))
        }
        Err(TryLockError::Error(error)) => Err(cannot("be locked", &path, &error)),
    }
}

fn make(folder: &Path, count: u64, port: u16) -> Result<(), Failure> {
    if let Some(data) = (1..=5).map(|id| folder.join(format!("node-{id}/data"))).find(|data| data.exists()) {
        let what = format!("{} holds a node's data, but {} has no dev.json", data.display(), folder.display());
        return Err(Failure::refused(what).advise(ELSEWHERE));
    }
    let ports = free_ports(count, port)?;
    let (admin_key, reader_key) = (secrets::api_key()?, secrets::api_key()?);
    let secret = secrets::cluster_secret()?;
    // A name of its own, so that two local clusters never take each other for one.
    let cluster = format!("dev-{}", &secrets::cluster_secret()?[..8]);
    let members: String = (1..=count).zip(&ports).map(|(id, ports)| member_text(id, *ports)).collect();
    for (id, (http, peer)) in (1..=count).zip(&ports) {
        let home = folder.join(format!("node-{id}"));
        fs::create_dir_all(&home).map_err(|error| cannot("be made", &home, &error))?;
        let config = home.join("node.toml");
        let text = format!(
            "# Node {id} of a local cluster, made by `confman dev`. Yours to change; by itself it runs with\n\
             # confman serve --config {config}\n\
             cluster = \"{cluster}\"\nnode = {id}\ndataDir = \"data\"\n\n\
             [http]\nlisten = \"127.0.0.1:{http}\"\n\n\
             [peer]\nlisten = \"127.0.0.1:{peer}\"\nsecret = \"{secret}\"\n\n\
             {members}\
             [[auth.apiKeys]]\nname = \"admin\"\nprincipal = \"dev@local\"\nrole = \"admin\"\nkey = \"{admin_key}\"\n\n\
             [[auth.apiKeys]]\nname = \"reader\"\nprincipal = \"reader@local\"\nrole = \"reader\"\nkey = \"{reader_key}\"\n",
            config = config.display(),
        );
        write_private(&config, &text)?;
    }
    let dev = DevFile { format: FORMAT, nodes: count, admin_key, reader_key };
    let text = serde_json::to_string_pretty(&dev).map_err(|error| Failure::failed(format!("dev.json: {error}")))?;
    let (temporary, file) = (folder.join("dev.json.tmp"), folder.join("dev.json"));
    write_private(&temporary, &text)?;
    fs::rename(&temporary, &file).map_err(|error| cannot("be written", &file, &error))
}

fn member_text(id: u64, (http, peer): (u16, u16)) -> String {
    format!("[[members]]\nid = {id}\npeer = \"127.0.0.1:{peer}\"\nurl = \"http://127.0.0.1:{http}\"\n\n")
}

/// Writes a file that only its owner may read: it holds secrets.
fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot("be written", path, &error))
}

/// For each node the next free port for HTTP and the next free one for peers.
fn free_ports(count: u64, from: u16) -> Result<Vec<(u16, u16)>, Failure> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let http = (from..from + PEER_PORTS_ABOVE).filter(free);
    let peer = (from + PEER_PORTS_ABOVE..from + 2 * PEER_PORTS_ABOVE).filter(free);
    let ports: Vec<_> = http.zip(peer).take(count as usize).collect();
    if ports.len() as u64 == count {
        return Ok(ports);
    }
    let what = format!("there are not enough free ports from {from} to {}", from + 2 * PEER_PORTS_ABOVE);
    Err(Failure::refused(what).advise("Give another first port with --port"))
}

fn read_node(folder: &Path, id: u64) -> Result<DevNode, Failure> {
    let home = folder.join(format!("node-{id}"));
    let config = home.join("node.toml");
    let NodeConfig { http, peer, data_dir, .. } = read_config(&config)?;
    Ok(DevNode {
        id,
        url: http.url,
        http_listen: http.listen,
        peer_listen: peer.listen,
        config,
        data: data_dir,
        log: home.join("node.log"),
    })
}

/// Nodes that were told to end may need a moment; whatever still listens after it is somebody's.
fn wait_for_ports(nodes: &[DevNode]) -> Result<(), Failure> {
    let begun = Instant::now();
    let listens = |node: &DevNode| [node.http_listen.clone(), node.peer_listen.clone()];
    for (node, listen) in nodes.iter().flat_map(|node| listens(node).map(|listen| (node, listen))) {
        while let Err(error) = TcpListener::bind(&listen) {
            if begun.elapsed() > PORT_PATIENCE {
                let what = format!("node {} cannot listen on {listen}: {error}", node.id);
                return Err(Failure::refused(what).advise(format!(
                    "Perhaps this cluster is already running, or node {0} was started by hand: end it first. Or change \
                     the port in {1} (and in [[members]] of the other nodes), or use another folder with --data",
                    node.id,
                    node.config.display()
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A range of its own for each test, below the ports that systems give out by themselves.
    fn open(folder: &Path, count: Option<u64>, port: u16) -> Result<Cluster, String> {
        Cluster::open(folder, count, port).map_err(|failure| failure.to_string())
    }

    #[test]
    fn ports_and_keys_survive() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = open(folder.path(), Some(3), 18_400).expect("a new cluster");
        let shape = |cluster: &Cluster| -> Vec<_> { cluster.nodes.iter().map(|node| format!("{node:?}")).collect() };
        let before = (shape(&first), first.admin_key.clone(), first.reader_key.clone());
        assert_ne!(first.admin_key, first.reader_key);
        drop(first);
        let again = open(folder.path(), None, 7400).expect("the same cluster");
        assert_eq!((shape(&again), again.admin_key.clone(), again.reader_key.clone()), before);
    }

    #[test]
    fn a_taken_port_is_passed_over_when_new_and_an_error_later() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let taken = TcpListener::bind("127.0.0.1:18600").expect("a free port");
        let cluster = open(folder.path(), Some(1), 18_600).expect("a new cluster");
        assert_eq!(cluster.nodes[0].http_listen, "127.0.0.1:18601");
        drop((cluster, taken));
        let _taken = TcpListener::bind("127.0.0.1:18601").expect("a free port");
        let error = open(folder.path(), None, 18_600).map(|_| ()).expect_err("the port is taken");
        assert!(error.contains("node 1 cannot listen on 127.0.0.1:18601"), "{error}");
    }

    #[test]
    fn another_count_and_a_second_dev_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cluster = open(folder.path(), Some(1), 18_800).expect("a new cluster");
        let error = open(folder.path(), None, 18_800).map(|_| ()).expect_err("it is locked");
        assert!(error.contains("in use by another `confman dev`"), "{error}");
        drop(cluster);
        let error = open(folder.path(), Some(3), 18_800).map(|_| ()).expect_err("it holds one node");
        assert!(error.contains("holds a cluster of 1 nodes, not 3"), "{error}");
    }

    #[test]
    fn data_without_its_keys_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join("node-2/data")).expect("a folder");
        let error = open(folder.path(), None, 19_000).map(|_| ()).expect_err("it must be left alone");
        assert!(error.contains("has no dev.json"), "{error}");
    }
}
