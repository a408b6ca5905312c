//! The members of the cluster, and changes of them.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exchange::Call;
use super::operations::parse;
use super::verdict::refusal;
use super::{Client, Error};
use crate::wire::{
    AddMemberRequest, Leader, MemberChanged, MemberList, PromoteMemberRequest, ReplaceMemberRequest, TransferRequest,
};

const MEMBERS: &str = "/api/v1/cluster/members";

impl Client {
    /// Who belongs to the cluster, as one node knows it.
    pub async fn members(&self) -> Result<MemberList, Error> {
        self.must_read(MEMBERS).await
    }

    /// Adds a node, as a learner, and promotes it once it has caught up. Where the answer says that this is pending the
    /// leader goes on by itself. `force` does also what loses the quorum.
    pub async fn add_member(&self, new: &AddMemberRequest, force: bool) -> Result<MemberChanged, Error> {
        self.change(Method::POST, MEMBERS.to_owned(), force, new).await
    }

    /// Gives a learner its vote.
    pub async fn promote_member(&self, node: u64, force: bool) -> Result<MemberChanged, Error> {
        self.change(Method::PUT, format!("{MEMBERS}/{node}"), force, &PromoteMemberRequest { voter: true }).await
    }

    /// Puts a new node in the place of another.
    pub async fn replace_member(
        &self,
        old: u64,
        new: &ReplaceMemberRequest,
        force: bool,
    ) -> Result<MemberChanged, Error> {
        self.change(Method::POST, format!("{MEMBERS}/{old}/replace"), force, new).await
    }

    /// Removes a node.
    pub async fn remove_member(&self, node: u64, force: bool) -> Result<(), Error> {
        let path = with_force(format!("{MEMBERS}/{node}"), force);
        let answer = self.exchange(&Call { method: Method::DELETE, path, body: Bytes::new() }).await?;
        if answer.status() == StatusCode::NOT_FOUND { Err(refusal(&answer)) } else { Ok(()) }
    }

    /// Hands the leadership to a node.
    pub async fn transfer_leader(&self, node: u64) -> Result<Leader, Error> {
        self.change(Method::POST, "/api/v1/cluster/leader".to_owned(), false, &TransferRequest { node }).await
    }

    async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        force: bool,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).expect("a request is plain data with string keys");
        let answer = self.exchange(&Call { method, path: with_force(path, force), body: body.into() }).await?;
        if answer.status() == StatusCode::NOT_FOUND { Err(refusal(&answer)) } else { parse(&answer, true) }
    }
}

fn with_force(path: String, force: bool) -> String {
    if force { format!("{path}?force=true") } else { path }
}
