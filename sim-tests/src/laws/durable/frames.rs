use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use confman::base::LogId;
use confman::peer::{Frame, FrameKind, FrameRole};
use confman::raft::{Types, log_id_of};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use serde::de::DeserializeOwned;

use crate::host::net::Place;
use crate::laws::Laws;
use crate::runtime::MadRuntime;

/// Requests whose answer may still come. Beyond this the oldest is forgotten, and its answer not judged.
const ASKED_MAX: usize = 10_000;

/// Reads off the frames that nodes send what they promise: votes, entries, commits.
pub struct Frames {
    laws: Laws,
    /// What a success would acknowledge, by link and call.
    asked: Mutex<BTreeMap<(u64, u64), Asked>>,
}

/// What a leader of this term wants to know whether a follower has it.
struct Asked {
    term: u64,
    upto: LogId,
}

impl Frames {
    pub fn new(laws: Laws) -> Frames {
        Frames { laws, asked: Mutex::default() }
    }

    /// A node sends a frame.
    pub fn sent(&self, link: u64, from: Place, frame: &Bytes) {
        let Ok(Frame { kind, role, call, body, .. }) = Frame::decode(frame.clone()) else { return };
        match (kind, role) {
            (FrameKind::Append, FrameRole::Request) => self.append(from, (link, call), &body),
            (FrameKind::Append, FrameRole::Answer) => self.append_answer(from, (link, call), &body),
            (FrameKind::Vote, FrameRole::Request) => {
                // Who asks for votes has voted for itself.
                let request: Option<VoteRequest<Types<MadRuntime>>> = read(&body);
                if let Some(vote) = request.map(|request| request.vote) {
                    self.laws.vote_leaves(from, vote.leader_id.term, vote.leader_id.voted_for.0);
                }
            }
            (FrameKind::Vote, FrameRole::Answer) => {
                let answer: Option<VoteResponse<Types<MadRuntime>>> = read(&body);
                if let Some(vote) = answer.filter(|answer| answer.vote_granted).map(|answer| answer.vote) {
                    self.laws.vote_leaves(from, vote.leader_id.term, vote.leader_id.voted_for.0);
                }
            }
            _ => {}
        }
    }

    fn append(&self, leader: Place, call: (u64, u64), body: &Bytes) {
        let Some(request): Option<AppendEntriesRequest<Types<MadRuntime>>> = read(body) else { return };
        let term = request.vote.leader_id.term;
        let last = request.entries.last().map(|entry| &entry.log_id).or(request.prev_log_id.as_ref());
        if let Some(last) = last {
            let mut asked = self.asked.lock().expect("no panic under this lock");
            asked.insert(call, Asked { term, upto: log_id_of::<MadRuntime>(last) });
            if asked.len() > ASKED_MAX {
                asked.pop_first();
            }
        }
        if let Some(committed) = &request.leader_commit {
            self.laws.commit_told(leader, term, log_id_of::<MadRuntime>(committed));
        }
    }

    fn append_answer(&self, follower: Place, call: (u64, u64), body: &Bytes) {
        let asked = self.asked.lock().expect("no panic under this lock").remove(&call);
        let (Some(asked), Some(answer)) = (asked, read::<AppendEntriesResponse<Types<MadRuntime>>>(body)) else {
            return;
        };
        let upto = match answer {
            AppendEntriesResponse::Success => Some(asked.upto),
            AppendEntriesResponse::PartialSuccess(upto) => upto.map(|upto| log_id_of::<MadRuntime>(&upto)),
            AppendEntriesResponse::Conflict | AppendEntriesResponse::HigherVote(_) => None,
        };
        if let Some(upto) = upto {
            self.laws.append_acknowledged(follower, asked.term, upto);
        }
    }
}

/// The first byte is the version of the encoding, which the node itself checks.
fn read<T: DeserializeOwned>(body: &Bytes) -> Option<T> {
    postcard::from_bytes(body.get(1..)?).ok()
}
