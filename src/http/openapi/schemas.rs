//! The JSON shapes of `wire/` as JSON Schema (draft 2020-12).

use serde_json::{Map, Value, json};

use crate::base::limits::{
    DESCRIPTION_BYTES_MAX, OWNER_BYTES_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, TXN_OPS_MAX, VALUE_BYTES_MAX,
};
use crate::wire::{Slug, TYPE_BASE};

/// All schemas by name.
pub(super) fn all() -> Map<String, Value> {
    let schemas = [
        ("NamespacePath", namespace_path()),
        ("Key", key()),
        ("Revision", revision()),
        (
            "Time",
            json!({
                "type": "string", "format": "date-time", "description": "RFC 3339, UTC, milliseconds.",
                "examples": ["2026-01-02T03:04:05.678Z"]
            }),
        ),
        (
            "ValueType",
            json!({
                "type": "string", "enum": ["string", "number", "boolean", "json", "yaml"], "default": "string",
                "description": "What a value claims to be. It must parse as its type: else 422 with the position."
            }),
        ),
        ("Entry", entry()),
        ("SetRequest", set_request()),
        ("TxnRequest", txn_request()),
        ("TxnOp", txn_op()),
        ("Compare", compare()),
        ("TxnAnswer", txn_answer()),
        ("TxnResult", txn_result()),
        ("FailedCompare", failed_compare()),
        ("ListedEntry", listed_entry()),
        ("EntryList", list("A page of entries, keys in byte order.", "ListedEntry", ALL_PAGES)),
        (
            "EntryFile",
            json!({
                "type": "object", "not": { "required": ["items", "pagination"] },
                "description": "A member for each key. Values of `number`, `boolean` and `json` are their own type, others text."
            }),
        ),
        ("EntryListOrFile", json!({ "anyOf": [reference("EntryList"), reference("EntryFile")] })),
        ("HistoryItem", history_item()),
        ("HistoryList", list("A page of a key's history, newest first.", "HistoryItem", THIS_PAGE)),
        ("DiffItem", diff_item()),
        ("DiffList", diff_list()),
        (
            "RollbackRequest",
            closed(object(
                "Where to go back to.",
                json!({
                    "revision": described("Revision", "One of the entry's history.")
                }),
                &[],
            )),
        ),
        ("Pagination", pagination()),
        ("Namespace", namespace()),
        ("SetNamespaceRequest", set_namespace_request()),
        ("NamespaceList", list("A page of namespaces, in byte order.", "Namespace", ALL_PAGES)),
        ("AuditEvent", audit_event()),
        ("AuditList", list("A page of events, newest first.", "AuditEvent", THIS_PAGE)),
        ("AuditVerification", audit_verification()),
        ("AuditBreak", audit_break()),
        ("Cluster", cluster()),
        ("ClusterNode", cluster_node()),
        ("ClusterGroup", cluster_group()),
        ("Alarm", alarm()),
        ("Member", member()),
        ("MemberList", member_list()),
        ("AddMemberRequest", add_member_request()),
        ("ReplaceMemberRequest", closed(object("The node that takes the place.", new_member(), &[]))),
        ("PromoteMemberRequest", promote_member_request()),
        ("MemberChanged", member_changed()),
        ("TransferRequest", closed(object("Who shall lead.", json!({ "node": number("The id of a voter.") }), &[]))),
        ("Leader", object("Who leads now.", json!({ "node": number("The node's id.") }), &[])),
        ("Health", object("The process can serve.", json!({ "status": { "const": "healthy" } }), &[])),
        (
            "Ready",
            object(
                "The node can be sent requests.",
                json!({
                    "status": { "const": "ready" }, "leader": url("The leader's advertised base URL.")
                }),
                &[],
            ),
        ),
        ("OpenApi", json!({ "type": "object", "description": "An OpenAPI 3.1 document." })),
        ("Problem", problem()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

const ALL_PAGES: &str = "What all pages of one cursor show. Absent before anything was applied.";
const THIS_PAGE: &str = "What this node had applied when it read the page. Absent before anything was applied.";

pub(super) fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// An object whose members are all there but for those in `optional`. Answers may gain members in a later release.
fn object(description: &str, properties: Value, optional: &[&str]) -> Value {
    let names = properties.as_object().expect("properties are an object").keys();
    let required: Vec<&String> = names.filter(|name| !optional.contains(&name.as_str())).collect();
    json!({ "type": "object", "description": description, "required": required, "properties": properties })
}

fn array(schema: &str) -> Value {
    json!({ "type": "array", "items": reference(schema) })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn url(description: &str) -> Value {
    json!({ "type": "string", "format": "uri", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": description })
}

fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

fn or_null(mut schema: Value) -> Value {
    let kind = schema["type"].take();
    schema["type"] = json!([kind, "null"]);
    schema
}

fn hash(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-f]{64}$", "description": description })
}

/// A shared schema with words of its own.
fn described(schema: &str, description: &str) -> Value {
    let mut described = reference(schema);
    described["description"] = description.into();
    described
}

fn namespace_path() -> Value {
    const SEGMENT: &str = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";
    json!({
        "type": "string", "pattern": format!("^{SEGMENT}(/{SEGMENT}){{0,7}}$"), "examples": ["teams/payments"],
        "description": "1 to 8 segments joined by `/`, which is `%2F` in a URL."
    })
}

fn key() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[A-Za-z0-9._~:@/-]+$", "examples": ["db/url"],
        "description": "No segment between its slashes is empty, `.` or `..`. A `/` is `%2F` in a URL."
    })
}

fn revision() -> Value {
    json!({
        "type": "string", "examples": ["5:42"],
        "description": "The version token of a write. Opaque; it never repeats and never goes back."
    })
}

fn entry() -> Value {
    let properties = json!({
        "namespace": reference("NamespacePath"),
        "key": reference("Key"),
        "value": text("As it was set."),
        "type": reference("ValueType"),
        "version": json!({
            "type": "integer", "minimum": 1, "description": "Writes to this key since it was last absent, from 1."
        }),
        "revision": described("Revision", "The write that made this state."),
        "createdAt": reference("Time"),
        "updatedAt": reference("Time"),
        "updatedBy": text("The principal that wrote it."),
    });
    object("One entry.", properties, &[])
}

fn listed_entry() -> Value {
    let mut listed = entry();
    listed["description"] = "One entry; only some of its members where `fields` asks for those.".into();
    listed["required"] = json!([]);
    listed
}

fn set_request() -> Value {
    let properties = json!({
        "value": { "type": "string", "description": format!("At most {VALUE_BYTES_MAX} bytes of UTF-8.") },
        "type": reference("ValueType"),
    });
    closed(object("What to set an entry to.", properties, &["type"]))
}

fn txn_request() -> Value {
    let bounded = |item: &str, least: usize, description: &str| {
        json!({
            "type": "array", "minItems": least, "maxItems": TXN_OPS_MAX, "items": reference(item), "description": description
        })
    };
    let properties = json!({
        "compare": bounded("Compare", 0, "What must be so: else nothing is changed. Each entry once."),
        "ops": bounded("TxnOp", 1, "What is changed. Each entry once."),
    });
    closed(object("Several changes at one revision.", properties, &["compare"]))
}

fn txn_op() -> Value {
    let names = || json!({ "namespace": reference("NamespacePath"), "key": reference("Key") });
    let mut set = names();
    set["value"] = json!({ "type": "string", "description": format!("At most {VALUE_BYTES_MAX} bytes of UTF-8.") });
    set["type"] = reference("ValueType");
    let one = |name: &str, body: Value| closed(object("", json!({ name: body }), &[]));
    json!({
        "description": "One operation.",
        "oneOf": [
            one("set", closed(object("Sets an entry.", set, &["type"]))),
            one("delete", closed(object("Deletes an entry.", names(), &[]))),
        ]
    })
}

fn compare() -> Value {
    let properties = json!({
        "namespace": reference("NamespacePath"),
        "key": reference("Key"),
        "revision": or_null(text("The revision that the entry must be at; null: it must be absent.")),
    });
    closed(object("What an entry must be.", properties, &[]))
}

fn txn_answer() -> Value {
    let properties = json!({
        "revision": described("Revision", "That of all its changes."),
        "results": json!({ "type": "array", "items": reference("TxnResult"), "description": "In the order of the operations." }),
    });
    object("A transaction that was made.", properties, &[])
}

fn txn_result() -> Value {
    let properties = json!({
        "namespace": reference("NamespacePath"),
        "key": reference("Key"),
        "outcome": json!({
            "type": "string", "enum": ["created", "set", "deleted", "absent"],
            "description": "Set where it was absent; set where it was there; deleted; not there to delete."
        }),
        "version": json!({
            "type": "integer", "minimum": 1, "description": "Of an entry that was set: writes to it since it was last absent."
        }),
    });
    object("What came of one operation.", properties, &["version"])
}

fn failed_compare() -> Value {
    let properties = json!({
        "namespace": reference("NamespacePath"),
        "key": reference("Key"),
        "expected": or_null(text("As it was asked for.")),
        "current": or_null(text("As it is; null where the entry is absent.")),
    });
    object("A comparison that does not hold.", properties, &[])
}

/// A request's body refuses what it does not know.
fn closed(mut schema: Value) -> Value {
    schema["additionalProperties"] = false.into();
    schema
}

fn list(description: &str, item: &str, revision: &str) -> Value {
    let properties = json!({
        "items": array(item), "revision": described("Revision", revision), "pagination": reference("Pagination")
    });
    object(description, properties, &["revision"])
}

fn history_item() -> Value {
    let mut item = entry();
    item["description"] = "One revision of an entry.".into();
    item["properties"]["deleted"] =
        flag("Whether this revision deleted the entry. Then it has no value, type, version and createdAt.");
    item["properties"]["value"] = text("As it was set then.");
    item["properties"]["revision"] = described("Revision", "The write or delete that made this state.");
    item["properties"]["updatedAt"] = described("Time", "When it was set or deleted.");
    item["properties"]["updatedBy"] = text("The principal that set or deleted it.");
    item["required"] = json!(["namespace", "key", "revision", "deleted", "updatedAt", "updatedBy"]);
    item
}

fn diff_item() -> Value {
    let properties = json!({
        "key": reference("Key"),
        "change": json!({ "type": "string", "enum": ["added", "changed", "removed"] }),
        "before": described("Entry", "As it was at the first of the two. Absent where it was added."),
        "after": described("Entry", "As it was at the second. Absent where it was removed."),
        "patch": json!({
            "type": "array", "items": { "type": "object" },
            "description": "Where both values are of the type `json`: what makes the one of the other (RFC 6902)."
        }),
    });
    object("A key that differs.", properties, &["before", "after", "patch"])
}

fn diff_list() -> Value {
    let properties = json!({
        "items": array("DiffItem"),
        "from": described("Revision", "The first revision that all pages of one cursor compare."),
        "to": described("Revision", "The second."),
        "pagination": reference("Pagination"),
    });
    object("A page of what differs, keys in byte order.", properties, &[])
}

fn pagination() -> Value {
    let properties = json!({
        "limit": json!({
            "type": "integer", "minimum": 1, "maximum": PAGE_ITEMS_MAX, "default": PAGE_ITEMS_DEFAULT,
            "description": "As asked for. A page ends earlier at 4 MiB."
        }),
        "hasMore": flag("Whether more follow."),
        "nextCursor": text("For the next page: opaque, bound to its query, good on any node. Present where more follow."),
    });
    object("Where a page ends and how to get the next.", properties, &["nextCursor"])
}

fn namespace() -> Value {
    let properties = json!({
        "path": reference("NamespacePath"),
        "description": text("For people."),
        "owner": text("Who answers for it: at first who created it."),
        "createdAt": reference("Time"),
        "revision": described("Revision", "The write that last set description and owner; entries do not count."),
    });
    object("One namespace.", properties, &[])
}

fn set_namespace_request() -> Value {
    let properties = json!({
        "description": text(&format!("For people; at most {DESCRIPTION_BYTES_MAX} bytes of UTF-8.")),
        "owner": json!({
            "type": "string", "minLength": 1,
            "description": format!("Who answers for it; at most {OWNER_BYTES_MAX} bytes of UTF-8.")
        }),
    });
    closed(object("What to set a namespace to.", properties, &[]))
}

fn audit_event() -> Value {
    let digest = |of: &str| {
        json!({
            "type": "string", "pattern": "^sha256:[0-9a-f]{64}$",
            "description": format!("SHA-256 of {of}. Absent where there was nothing.")
        })
    };
    let properties = json!({
        "id": text("The revision, and which of its events this is."),
        "timestamp": described("Time", "Log time: it never goes back, and is the same on every node."),
        "action": json!({
            "type": "string", "enum": ["config.set", "config.delete", "namespace.set", "namespace.delete"]
        }),
        "actor": text("The principal that asked."),
        "namespace": reference("NamespacePath"),
        "key": described("Key", "Of an action on an entry."),
        "oldValue": text("Absent where there was none, or where it is kept no longer."),
        "newValue": text("Absent where there is none, or where it is kept no longer."),
        "oldDigest": digest("what was before"),
        "newDigest": digest("what is now"),
        "revision": reference("Revision"),
        "requestId": text("The X-Request-ID of the request."),
        "previousHash": hash("The hash of the event before; zeros for the first."),
        "hash": hash("SHA-256 of previousHash and the event in canonical JSON (RFC 8785) without values and hashes."),
    });
    let optional = ["key", "oldValue", "newValue", "oldDigest", "newDigest"];
    object("One effective change.", properties, &optional)
}

fn audit_verification() -> Value {
    let properties = json!({
        "valid": flag("Whether the whole chain is."),
        "events": number("How many events were found whole, from the first on."),
        "firstId": text("The first event."),
        "lastId": text("The last event that was found whole."),
        "lastHash": hash("Its hash, which stands for all events up to it; zeros where there is none."),
        "revision": described("Revision", "All events up to here were checked."),
        "broken": reference("AuditBreak"),
    });
    object("The audit chain of one node, checked.", properties, &["firstId", "lastId", "revision", "broken"])
}

fn audit_break() -> Value {
    let properties = json!({
        "id": text("The first event that does not fit. Absent where others are missing behind the last one, or one cannot be read."),
        "reason": text("What is wrong, and what to do."),
    });
    object("Where and why a chain is not whole.", properties, &["id"])
}

fn cluster() -> Value {
    let properties = json!({
        "cluster": text("Its name."),
        "node": number("The node that answers."),
        "nodes": array("ClusterNode"),
        "alarms": array("Alarm"),
    });
    object("The cluster as one node sees it now.", properties, &[])
}

fn cluster_node() -> Value {
    let properties = json!({
        "node": number("Its id."),
        "address": text("Host and port for other nodes."),
        "url": url("The advertised base URL."),
        "storage": text("The identity of its data directory."),
        "voter": flag("Whether it votes, or only learns."),
        "reachable": flag("Whether it answered in time."),
        "error": text("Why it did not answer."),
        "version": text("Its release."),
        "groups": array("ClusterGroup"),
    });
    object("One member, as it reports itself.", properties, &["error", "version"])
}

fn cluster_group() -> Value {
    let properties = json!({
        "group": number("The group's id."),
        "role": json!({ "type": "string", "enum": ["leader", "follower", "candidate", "learner"] }),
        "leader": or_null(number("The leader as this member knows it.")),
        "term": number("Raft's term."),
        "lastLogIndex": or_null(number("The last entry of its log.")),
        "committed": or_null(text("The last entry that it knows to be committed.")),
        "applied": or_null(text("The last entry that its state holds.")),
        "snapshot": or_null(text("The last entry of its newest snapshot.")),
        "purged": or_null(text("The last entry that its log no longer holds.")),
        "stateHash": text("The same on all members at equal `applied`."),
        "lag": number("How many entries its state is behind the highest committed one."),
        "caughtUp": flag("Whether it has recovered and serves reads."),
    });
    object("One Raft group on one member.", properties, &[])
}

fn alarm() -> Value {
    let properties = json!({
        "kind": json!({ "type": "string", "enum": ["state-hash-mismatch", "state-damaged", "api-keys-differ", "clocks-differ", "not-a-member"] }),
        "nodes": json!({ "type": "array", "items": { "type": "integer" } }),
        "detail": text("What was seen, and what to do."),
    });
    object("Something that needs a person.", properties, &[])
}

fn member() -> Value {
    let properties = json!({
        "id": number("Its id."),
        "peer": text("Host and port for other nodes."),
        "url": url("The advertised base URL."),
        "storage": text("The identity of its data directory."),
        "voter": flag("Whether it votes, or only learns."),
        "leader": flag("Whether it leads, as the node that answers knows it."),
    });
    object("One member, as the membership has it.", properties, &[])
}

fn member_list() -> Value {
    let properties = json!({
        "items": array("Member"),
        "revision": or_null(text("The log entry that brought these members.")),
        "changing": flag("A change of voters is half done: the old and the new ones decide together."),
    });
    object("The members, by id.", properties, &[])
}

fn new_member() -> Value {
    json!({
        "id": json!({ "type": "integer", "minimum": 1, "description": "An id that was never used in this cluster." }),
        "peer": text("Host and port where other nodes reach it."),
        "url": url("The base URL where clients reach it."),
    })
}

fn add_member_request() -> Value {
    let mut properties = new_member();
    properties["promote"] = flag("Whether it votes once it has caught up; when absent, yes.");
    properties["promote"]["default"] = true.into();
    closed(object("The node to add.", properties, &["promote"]))
}

fn promote_member_request() -> Value {
    let properties = json!({ "voter": { "const": true, "description": "A voter is not made a learner again." } });
    closed(object("What a learner becomes.", properties, &[]))
}

fn member_changed() -> Value {
    let properties = json!({
        "id": number("The node's id."),
        "pending": flag("It is a learner so far; the leader goes on by itself once it has caught up."),
        "revision": or_null(text("The log entry of the change, committed.")),
    });
    object("What became of a change.", properties, &[])
}

fn problem() -> Value {
    let types: Vec<String> = Slug::ALL.iter().map(|slug| format!("{TYPE_BASE}{slug}")).collect();
    let properties = json!({
        "type": json!({ "type": "string", "enum": types, "description": "Which problem: stable for ever." }),
        "title": text("The same for every occurrence."),
        "status": json!({ "type": "integer", "minimum": 300, "maximum": 599 }),
        "detail": text("What happened this time, and what to do next."),
        "instance": text("The path that was asked for; empty where the request was too malformed to tell."),
        "requestId": text("The X-Request-ID of this answer, also in the log."),
        "leader": url("Of not-leader: the leader's advertised base URL."),
        "line": number("Of invalid-value: where the value does not parse, from 1."),
        "column": number("Of invalid-value: where the value does not parse, from 1."),
        "keys": json!({
            "type": "array", "items": reference("Key"), "description": "Of invalid-value: what a format cannot say."
        }),
        "freeBytes": number("Of storage-full: how much is free."),
        "current": or_null(text("Of precondition-failed: the revision that it is at, null where there is none.")),
        "failed": array("FailedCompare"),
        "op": number("Of a transaction: which operation is meant, from 0."),
    });
    let optional = ["instance", "leader", "line", "column", "keys", "freeBytes", "current", "failed", "op"];
    object("RFC 9457.", properties, &optional)
}
