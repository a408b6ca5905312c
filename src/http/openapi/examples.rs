//! An example of each shape that bodies have.

use serde_json::{Value, json};

/// A whole example of a schema that bodies are made of.
pub(super) fn example(schema: &str) -> Option<Value> {
    let of = |schema: &str| example(schema).expect("an example is made of those before it");
    let page = |schema: &str| {
        let pagination = json!({ "limit": 1, "hasMore": true, "nextCursor": "AYEIAQ5nW2QmFvK0" });
        json!({ "items": [of(schema)], "revision": "5:57", "pagination": pagination })
    };
    Some(match schema {
        "Entry" => json!({
            "namespace": "payments", "key": "db/url", "value": "postgres://db.example.org/pay", "type": "string",
            "version": 3, "revision": "5:42", "createdAt": "2026-01-02T03:04:05.678Z",
            "updatedAt": "2026-02-03T04:05:06.789Z", "updatedBy": "ann@example.org"
        }),
        "ListedEntry" => of("Entry"),
        "HistoryItem" => {
            let mut item = of("Entry");
            item["deleted"] = false.into();
            item
        }
        "HistoryList" => page("HistoryItem"),
        "DiffItem" => {
            let mut after = of("Entry");
            after["revision"] = "5:57".into();
            after["version"] = 4.into();
            after["value"] = "postgres://db-2.example.org/pay".into();
            json!({ "key": "db/url", "change": "changed", "before": of("Entry"), "after": after })
        }
        "DiffList" => {
            let pagination = json!({ "limit": 50, "hasMore": false });
            json!({ "items": [of("DiffItem")], "from": "5:42", "to": "5:57", "pagination": pagination })
        }
        "RollbackRequest" => json!({ "revision": "5:42" }),
        "EntryListOrFile" => of("EntryList"),
        "SetRequest" => json!({ "value": "postgres://db.example.org/pay", "type": "string" }),
        "TxnRequest" => json!({
            "compare": [of("Compare")],
            "ops": [
                of("TxnOp"),
                { "delete": { "namespace": "payments", "key": "db/old-url" } }
            ]
        }),
        "TxnOp" => json!({
            "set": {
                "namespace": "payments", "key": "db/url", "value": "postgres://db.example.org/pay", "type": "string"
            }
        }),
        "Compare" => json!({ "namespace": "payments", "key": "db/url", "revision": "5:42" }),
        "TxnAnswer" => json!({
            "revision": "5:57",
            "results": [
                of("TxnResult"),
                { "namespace": "payments", "key": "db/old-url", "outcome": "absent" }
            ]
        }),
        "TxnResult" => json!({ "namespace": "payments", "key": "db/url", "outcome": "set", "version": 4 }),
        "FailedCompare" => {
            json!({ "namespace": "payments", "key": "db/url", "expected": "5:42", "current": "5:43" })
        }
        "EntryList" => page("ListedEntry"),
        "Namespace" => json!({
            "path": "payments", "description": "What the payment services read", "owner": "payments@example.org",
            "createdAt": "2026-01-02T03:04:05.678Z", "revision": "5:40"
        }),
        "SetNamespaceRequest" => {
            json!({ "description": "What the payment services read", "owner": "payments@example.org" })
        }
        "NamespaceList" => page("Namespace"),
        "AuditEvent" => json!({
            "id": "5:42:0", "timestamp": "2026-02-03T04:05:06.789Z", "action": "config.set", "actor": "ann@example.org",
            "namespace": "payments", "key": "db/url", "oldValue": "postgres://old.example.org/pay",
            "newValue": "postgres://db.example.org/pay",
            "oldDigest": format!("sha256:{}", "3a".repeat(32)), "newDigest": format!("sha256:{}", "5c".repeat(32)),
            "revision": "5:42", "requestId": "0d6f6f2b0f9a4c3e8b7a6d5c4b3a2910",
            "previousHash": "1f".repeat(32), "hash": "2e".repeat(32)
        }),
        "AuditList" => page("AuditEvent"),
        "AuditVerification" => json!({
            "valid": true, "events": 57, "firstId": "1:4:0", "lastId": "5:57:0", "lastHash": "2e".repeat(32),
            "revision": "5:57"
        }),
        "Member" => json!({
            "id": 1, "peer": "10.0.0.1:7500", "url": "http://10.0.0.1:7400",
            "storage": "8f14e45fceea167a5a36dedd4bea2543", "voter": true, "leader": true
        }),
        "MemberList" => json!({ "items": [of("Member")], "revision": "1:0", "changing": false }),
        "AddMemberRequest" => {
            json!({ "id": 4, "peer": "10.0.0.4:7500", "url": "http://10.0.0.4:7400", "promote": true })
        }
        "ReplaceMemberRequest" => json!({ "id": 4, "peer": "10.0.0.3:7500", "url": "http://10.0.0.3:7400" }),
        "PromoteMemberRequest" => json!({ "voter": true }),
        "MemberChanged" => json!({ "id": 4, "pending": false, "revision": "5:57" }),
        "TransferRequest" => json!({ "node": 2 }),
        "Leader" => json!({ "node": 2 }),
        "ClusterGroup" => json!({
            "group": 0, "role": "leader", "leader": 1, "term": 5, "lastLogIndex": 57, "committed": "5:57",
            "applied": "5:57", "snapshot": null, "purged": null, "stateHash": "00c9ff3d5f8f1d20a5f4d6ab2c1e9b73",
            "lag": 0, "caughtUp": true
        }),
        "Cluster" => json!({
            "cluster": "main", "node": 1, "alarms": [],
            "nodes": [{
                "node": 1, "address": "10.0.0.1:7500", "url": "http://10.0.0.1:7400",
                "storage": "8f14e45fceea167a5a36dedd4bea2543", "voter": true, "reachable": true, "version": "0.1.0",
                "groups": [of("ClusterGroup")]
            }]
        }),
        "Health" => json!({ "status": "healthy" }),
        "Ready" => json!({ "status": "ready", "leader": "http://10.0.0.1:7400" }),
        _ => return None,
    })
}
