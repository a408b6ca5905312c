use std::io;

use bytes::Bytes;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::base::{NodeId, StorageId};
use crate::host::{Files, Host};

const FILE: &str = "identity";
const FILE_BEFORE_RENAME: &str = "identity.tmp";
const FORMAT: u32 = 1;
const FILE_BYTES_MAX: usize = 4 << 10;

/// Which cluster and node a data directory belongs to, and its own random id. Written once, when it is first opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u32,
    cluster: String,
    node: NodeId,
    /// 32 hexadecimal digits.
    storage: String,
    /// CRC-32C of the fields above.
    crc: u32,
}

impl IdentityFile {
    fn sum(&self) -> u32 {
        crc32c::crc32c(format!("{}/{}/{}/{}", self.format, self.cluster, self.node, self.storage).as_bytes())
    }
}

/// Whose data directory it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityContent {
    pub cluster: String,
    pub node: NodeId,
    pub storage: StorageId,
}

/// A data directory that is not this node's, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("the data directory: {0}")]
    Io(#[from] io::Error),
    #[error(
        "the data directory belongs to node {found_node} of cluster \"{found_cluster}\", but this is node {node} of \
         cluster \"{cluster}\": point dataDir at this node's own directory, or correct node and cluster in the settings"
    )]
    Foreign { found_cluster: String, found_node: NodeId, cluster: String, node: NodeId },
    #[error(
        "the file \"identity\" in the data directory is damaged ({0}): restore it from a copy, or replace this node"
    )]
    Damaged(String),
    #[error("the file \"identity\" is of format {0}, newer than this version of confman knows: upgrade this node")]
    NewerFormat(u32),
    #[error(
        "the data directory has a log but no file \"identity\": it was copied in part; restore the whole directory, \
         or replace this node"
    )]
    Missing,
}

/// Reads the identity of the data directory, or gives an empty directory one.
pub(super) async fn open(host: &Host, cluster: &str, node: NodeId) -> Result<StorageId, IdentityError> {
    match host.files.open(FILE).await {
        Ok(file) => check(parse(&file.read_at(0, FILE_BYTES_MAX).await?)?, cluster, node),
        Err(e) if e.kind() == io::ErrorKind::NotFound => create(host, cluster, node).await,
        Err(e) => Err(e.into()),
    }
}

/// Reads the identity of a data directory, whosever it is; `None` where it has none.
pub async fn look(files: &dyn Files) -> Result<Option<IdentityContent>, IdentityError> {
    match files.open(FILE).await {
        Ok(file) => parse(&file.read_at(0, FILE_BYTES_MAX).await?).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn parse(text: &[u8]) -> Result<IdentityContent, IdentityError> {
    let damaged = |what: &str| IdentityError::Damaged(what.to_owned());
    let format = serde_json::from_slice::<serde_json::Value>(text)
        .ok()
        .and_then(|json| json.get("format")?.as_u64())
        .ok_or_else(|| damaged("not the JSON that was written"))?;
    if format != u64::from(FORMAT) {
        return Err(IdentityError::NewerFormat(format as u32));
    }
    let file: IdentityFile = serde_json::from_slice(text).map_err(|e| damaged(&e.to_string()))?;
    if file.crc != file.sum() {
        return Err(damaged("its checksum does not match"));
    }
    let storage = u128::from_str_radix(&file.storage, 16).map(StorageId).map_err(|e| damaged(&e.to_string()))?;
    Ok(IdentityContent { cluster: file.cluster, node: file.node, storage })
}

fn check(found: IdentityContent, cluster: &str, node: NodeId) -> Result<StorageId, IdentityError> {
    if found.cluster != cluster || found.node != node {
        return Err(IdentityError::Foreign {
            found_cluster: found.cluster,
            found_node: found.node,
            cluster: cluster.to_owned(),
            node,
        });
    }
    Ok(found.storage)
}

async fn create(host: &Host, cluster: &str, node: NodeId) -> Result<StorageId, IdentityError> {
    if !host.files.list("log").await?.is_empty() {
        return Err(IdentityError::Missing);
    }
    let storage = StorageId(host.entropy.fork("storage-id").random());
    let mut file =
        IdentityFile { format: FORMAT, cluster: cluster.to_owned(), node, storage: storage.to_string(), crc: 0 };
    file.crc = file.sum();
    let text = serde_json::to_vec(&file).map_err(io::Error::other)?;
    match host.files.remove(FILE_BEFORE_RENAME).await {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
        _ => {}
    }
    let written = host.files.create(FILE_BEFORE_RENAME).await?;
    written.write_at(0, Bytes::from(text)).await?;
    written.sync().await?;
    host.files.rename(FILE_BEFORE_RENAME, FILE).await?;
    host.files.sync_dir("").await?;
    Ok(storage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake;

    #[tokio::test]
    async fn an_identity_is_made_once_and_guards_its_directory() {
        let fake = fake::host();
        let host = fake.host.clone();
        let made = open(&host, "prod", NodeId(1)).await.unwrap();
        assert_eq!(open(&host, "prod", NodeId(1)).await.unwrap(), made);
        let other_node = open(&host, "prod", NodeId(2)).await.unwrap_err().to_string();
        assert!(other_node.contains("belongs to node 1 of cluster \"prod\""), "{other_node}");
        let other_cluster = open(&host, "test", NodeId(1)).await.unwrap_err();
        assert!(matches!(other_cluster, IdentityError::Foreign { .. }));
    }

    #[tokio::test]
    async fn damage_and_a_newer_format_are_told_apart() {
        let fake = fake::host();
        let host = fake.host.clone();
        open(&host, "prod", NodeId(1)).await.unwrap();
        let file = host.files.open(FILE).await.unwrap();
        let text = file.read_at(0, FILE_BYTES_MAX).await.unwrap();
        let flipped: Vec<u8> = String::from_utf8_lossy(&text).replace("prod", "prof").into_bytes();
        file.write_at(0, Bytes::from(flipped)).await.unwrap();
        assert!(matches!(open(&host, "prof", NodeId(1)).await, Err(IdentityError::Damaged(_))));
        let newer: Vec<u8> = String::from_utf8_lossy(&text).replace("\"format\":1", "\"format\":2").into_bytes();
        file.write_at(0, Bytes::from(newer)).await.unwrap();
        assert!(matches!(open(&host, "prod", NodeId(1)).await, Err(IdentityError::NewerFormat(2))));
    }
}
