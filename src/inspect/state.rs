use std::collections::BTreeMap;

use bytes::Bytes;
use openraft::AsyncRuntime;

use super::report::{DAMAGE_TOLD_MAX, Damage, MemberReport, MembershipReport, Report, StateReport, TermReport};
use crate::apply::row_hash;
use crate::audit::chain::{self, Verified};
use crate::base::{GroupId, LogId, WallTime};
use crate::host::Row;
use crate::keys::meta::{self, Summary};
use crate::keys::{
    RowError, Space, audit, changes, config, dedup, history, lists, namespace_history, namespaces, space_of, terms,
};
use crate::model::{KeyState, Namespace, ReceiptPlace};
use crate::raft;

/// Takes the rows of a state in the order of their keys, and finds what cannot be: rows that cannot be read, are out of
/// order or contradict each other, another sum than the state hash, a broken audit chain.
pub struct StateCheck {
    group: GroupId,
    last_key: Bytes,
    sum: u128,
    summary: Option<Summary>,
    membership: Option<(LogId, Bytes)>,
    format_seen: bool,
    /// Live entries of each namespace.
    live: BTreeMap<Namespace, u64>,
    chain: Verified,
    /// Nothing can be said of the events behind a break.
    chain_broken: bool,
    index_rows: u64,
    /// The sum of the index rows that the receipts should have, less those that there are.
    receipt_places: u128,
    oldest_receipt: Option<WallTime>,
    found: StateReport,
    /// Row and what is wrong with it.
    damage: Vec<(String, String)>,
}

impl StateCheck {
    pub fn new(group: GroupId) -> StateCheck {
        StateCheck {
            group,
            last_key: Bytes::new(),
            sum: 0,
            summary: None,
            membership: None,
            format_seen: false,
            live: BTreeMap::new(),
            chain: Verified::START,
            chain_broken: false,
            index_rows: 0,
            receipt_places: 0,
            oldest_receipt: None,
            found: StateReport::default(),
            damage: Vec::new(),
        }
    }

    /// No row was taken.
    pub fn is_empty(&self) -> bool {
        self.found.rows == 0
    }

    /// The membership among the rows, in Raft's encoding, and the entry that it came with.
    pub fn membership(&self) -> Option<&(LogId, Bytes)> {
        self.membership.as_ref()
    }

    /// Takes the next row.
    pub fn take(&mut self, (key, value): &Row) {
        self.found.rows += 1;
        if *key <= self.last_key {
            self.damaged(key, "it does not come after the row before it");
        }
        self.last_key = key.clone();
        let Some(space) = space_of(self.group, key) else {
            return self.damaged(key, "it is of no space that this release knows");
        };
        if space != Space::Meta {
            self.sum = self.sum.wrapping_add(row_hash(key, value));
        }
        if let Err(what) = self.read(space, key, value) {
            self.damaged(key, &what);
        }
    }

    fn damaged(&mut self, key: &[u8], what: &str) {
        if self.damage.len() < DAMAGE_TOLD_MAX {
            self.damage.push((name_row(self.group, key), what.to_owned()));
        }
    }

    fn read(&mut self, space: Space, key: &Bytes, value: &Bytes) -> Result<(), String> {
        let group = self.group;
        let text = |error: RowError| error.to_string();
        match space {
            Space::Meta => self.read_meta(key, value).map_err(text),
            Space::Config => {
                let (namespace, name) = config::decode_key(group, key).map_err(text)?;
                match config::decode(namespace.clone(), name, value).map_err(text)? {
                    KeyState::Live(_) => {
                        *self.live.entry(namespace).or_default() += 1;
                        self.found.entries += 1;
                    }
                    KeyState::Deleted(_) => self.found.tombstones += 1,
                }
                Ok(())
            }
            Space::History => {
                self.found.history += 1;
                let (namespace, name, index) = history::decode_key(group, key).map_err(text)?;
                let state = history::decode(namespace, name, value).map_err(text)?;
                let revision = state.revision();
                let fits = revision.index == index;
                if fits { Ok(()) } else { Err(format!("it stands at index {index} and says to be of {revision}")) }
            }
            Space::Changes => {
                changes::decode_key(group, key).map_err(text)?;
                changes::decode(value).map_err(text).map(|_| ())
            }
            Space::Namespaces => {
                let path = namespaces::decode_key(group, key).map_err(text)?;
                let said = match namespaces::decode(path.clone(), value).map_err(text)?.live() {
                    Some(state) => {
                        self.found.namespaces += 1;
                        state.entries
                    }
                    None => 0,
                };
                let live = self.live.remove(&path).unwrap_or_default();
                if said == live { Ok(()) } else { Err(format!("it says to have {said} entries and has {live}")) }
            }
            Space::Audit => self.read_event(key, value),
            Space::AuditByNamespace => {
                self.index_rows += 1;
                audit::decode_namespace_key(group, key).map_err(text)?;
                let empty = *value == audit::namespace_value();
                if empty { Ok(()) } else { Err("it holds something".to_owned()) }
            }
            Space::Dedup => {
                self.found.receipts += 1;
                let (principal, name) = dedup::decode_key(group, key).map_err(text)?;
                let receipt = dedup::decode(value).map_err(text)?;
                let place = ReceiptPlace { at: receipt.at, revision: receipt.revision, principal, key: name };
                let place_key = dedup::place_key(group, place.at, place.revision.index);
                self.receipt_places =
                    self.receipt_places.wrapping_add(row_hash(&place_key, &dedup::encode_place(&place)));
                Ok(())
            }
            Space::DedupByTime => {
                let place = dedup::decode_place(group, key, value).map_err(text)?;
                self.oldest_receipt.get_or_insert(place.at);
                self.receipt_places = self.receipt_places.wrapping_sub(row_hash(key, value));
                Ok(())
            }
            Space::Lists => {
                lists::decode_key(group, key).map_err(text)?;
                lists::decode(value).map_err(text).map(|_| ())
            }
            Space::NamespaceHistory => {
                let (path, index) = namespace_history::decode_key(group, key).map_err(text)?;
                let revision = namespace_history::decode(path, value).map_err(text)?.revision();
                let fits = revision.index == index;
                if fits { Ok(()) } else { Err(format!("it stands at index {index} and says to be of {revision}")) }
            }
            Space::Terms => {
                let first = terms::decode_key(group, key).map_err(text)?;
                let term = terms::decode(value).map_err(text)?;
                let follows = self.found.terms.last().is_none_or(|last| last.term < term.0);
                self.found.terms.push(TermReport { first_index: first.0, term: term.0 });
                if follows { Ok(()) } else { Err("its term is not after the one before".to_owned()) }
            }
        }
    }

    fn read_meta(&mut self, key: &Bytes, value: &Bytes) -> Result<(), RowError> {
        if *key == meta::summary_key(self.group) {
            self.summary = Some(meta::decode_summary(value)?);
        } else if *key == meta::membership_key(self.group) {
            self.membership = Some(meta::decode_membership(value)?);
        } else if *key == meta::format_key(self.group) {
            meta::check_format(value)?;
            self.format_seen = true;
        } else {
            return Err(RowError::Damaged { space: Space::Meta, what: "it has no name that is known".to_owned() });
        }
        Ok(())
    }

    fn read_event(&mut self, key: &Bytes, value: &Bytes) -> Result<(), String> {
        self.found.audit_events += 1;
        let at = audit::decode_key(self.group, key).map_err(|error| error.to_string())?;
        let event = audit::decode(at, value).map_err(|error| error.to_string())?;
        if self.chain_broken {
            return Ok(());
        }
        match chain::verify(self.chain, [&event]) {
            Ok(verified) => {
                self.chain = verified;
                Ok(())
            }
            Err(broken) => {
                self.chain_broken = true;
                Err(broken.to_string())
            }
        }
    }

    /// The end: what the rows say together. `file` is where they are from.
    pub fn finish<R: AsyncRuntime>(mut self, file: &str, report: &mut Report) -> StateReport {
        let mut whole = Vec::new();
        match &self.summary {
            None => whole.push("the row that says what it is, the summary, is missing".to_owned()),
            Some(summary) => {
                self.found.applied = summary.applied;
                self.found.log_time = summary.log_time.to_string();
                self.found.state_hash = format!("{:032x}", summary.state_hash);
                self.found.audit_head = hex::encode(summary.audit_head);
                if self.sum != summary.state_hash {
                    let said = summary.state_hash;
                    whole
                        .push(format!("its rows have the state hash {:032x} where it should be {said:032x}", self.sum));
                }
                let chain = (self.chain.head, self.chain.events);
                if !self.chain_broken && chain != (summary.audit_head, summary.audit_events) {
                    let last = self.chain.last.map_or("the beginning".to_owned(), |id| format!("event {id}"));
                    whole.push(format!("the audit chain is broken behind {last}: events are missing"));
                }
                let none_older = match (summary.receipts_from, self.oldest_receipt) {
                    (Some(from), Some(oldest)) => from <= oldest,
                    (_, oldest) => oldest.is_none(),
                };
                if !none_older {
                    whole.push("it has a receipt that is older than it says of all".to_owned());
                }
                let term = self.found.terms.last().map(|last| last.term);
                if summary.applied.map(|applied| applied.term.0) != term {
                    whole.push("its last term is not that of its revision".to_owned());
                }
            }
        }
        if !self.format_seen {
            whole.push("the row that names its format is missing".to_owned());
        }
        if self.index_rows != self.found.audit_events {
            let (rows, events) = (self.index_rows, self.found.audit_events);
            whole.push(format!("it finds {rows} audit events by namespace and has {events}"));
        }
        if self.receipt_places != 0 {
            whole.push("its receipts are not those of its index by time".to_owned());
        }
        for (namespace, entries) in &self.live {
            whole.push(format!("namespace {namespace} is missing and has {entries} entries"));
        }
        match self.membership.as_ref().map(|(_, bytes)| raft::read_membership::<R>(bytes)) {
            Some(Ok(membership)) => self.found.membership = Some(membership_report(membership)),
            Some(Err(error)) => whole.push(format!("its membership cannot be read: {error}")),
            None => whole.push("it has no membership".to_owned()),
        }
        for (row, what) in self.damage {
            report.add(Damage { file: file.to_owned(), offset: None, row: Some(row), what });
        }
        for what in whole {
            report.damaged(file, None, what);
        }
        self.found
    }
}

fn membership_report(membership: raft::MembershipContent) -> MembershipReport {
    let member = |(node, (member, voter)): (crate::base::NodeId, (raft::Member, bool))| MemberReport {
        node: node.0,
        voter,
        peer: member.peer,
        url: member.url,
        storage: member.storage.to_string(),
    };
    MembershipReport {
        at: membership.at,
        changing: membership.is_joint,
        members: membership.members.into_iter().map(member).collect(),
    }
}

/// What people would call a row.
fn name_row(group: GroupId, key: &[u8]) -> String {
    let named = match space_of(group, key) {
        Some(Space::Meta) => Some(format!("meta {}", String::from_utf8_lossy(&key[5..]).trim_end_matches('\0'))),
        Some(Space::Config) => config::decode_key(group, key).ok().map(|(space, name)| format!("entry {space} {name}")),
        Some(Space::History) => {
            let found = history::decode_key(group, key).ok();
            found.map(|(space, name, index)| format!("history of {space} {name} at index {index}"))
        }
        Some(Space::Changes) => changes::decode_key(group, key).ok().map(|(index, n)| format!("change {index}:{n}")),
        Some(Space::Namespaces) => namespaces::decode_key(group, key).ok().map(|path| format!("namespace {path}")),
        Some(Space::Audit) => audit::decode_key(group, key).ok().map(|(index, n)| format!("audit event {index}:{n}")),
        Some(Space::AuditByNamespace) => {
            let found = audit::decode_namespace_key(group, key).ok();
            found.map(|(space, (index, n))| format!("audit event {index}:{n} of namespace {space}"))
        }
        Some(Space::Terms) => terms::decode_key(group, key).ok().map(|first| format!("term from index {first}")),
        Some(Space::NamespaceHistory) => {
            let found = namespace_history::decode_key(group, key).ok();
            found.map(|(path, index)| format!("history of namespace {path} at index {index}"))
        }
        Some(Space::Dedup) => dedup::decode_key(group, key)
            .ok()
            .map(|(principal, name)| format!("receipt of {principal} for {}", name.as_str())),
        Some(Space::Lists) => lists::decode_key(group, key).ok().map(|namespace| match namespace {
            Some(namespace) => format!("list of {namespace}"),
            None => "list of namespaces".to_owned(),
        }),
        Some(Space::DedupByTime) | None => None,
    };
    named.unwrap_or_else(|| format!("key {}", hex::encode(&key[..key.len().min(64)])))
}
