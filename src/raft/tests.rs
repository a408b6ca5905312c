//! openraft's own suites against what it is given here.

use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft_rt_tokio::TokioRuntime;

use super::log_store::LogStore;
use super::state_machine::StateMachine;
use super::types::Types;
use crate::apply::ApplyHandle;
use crate::base::GroupId;
use crate::host::fake::{self, FakeHost};
use crate::log::{Snapshots, Wal, WalSettings};

struct Stores;

impl StoreBuilder<Types<TokioRuntime>, LogStore<TokioRuntime>, StateMachine<TokioRuntime>, Arc<FakeHost>> for Stores {
    async fn build(
        &self,
    ) -> Result<(Arc<FakeHost>, LogStore<TokioRuntime>, StateMachine<TokioRuntime>), StorageError<Types<TokioRuntime>>>
    {
        let fake = Arc::new(fake::host());
        let group = GroupId::MAIN;
        let apply = ApplyHandle::start(&fake.host, group).await.expect("an empty store opens");
        let snapshots = Snapshots::open(&fake.host, group).await.expect("no snapshots is fine");
        let settings = WalSettings { segment_bytes: 8 << 10, cache_bytes: 1 << 10, reserve_bytes: 0 };
        let wal = Wal::open(&fake.host, group, settings, None).await.expect("an empty log opens");
        Ok((fake, LogStore::new(wal.clone()), StateMachine::new(wal, apply, snapshots)))
    }
}

#[test]
fn openrafts_storage_suite_holds_on_our_log_and_state_machine() {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        Suite::test_all(Stores).await.unwrap();
    });
}

#[test]
fn openrafts_runtime_suite_holds_on_the_runtime_of_the_real_node() {
    openraft_rt::testing::Suite::<TokioRuntime>::test_all();
}
