//! What the table of routes does not say: what each built route is for, what it answers, and how it fails.

use axum::http::Method;

use crate::http::routes::{
    AUDIT_OF, AUDIT_VERIFY, BACKUP, DIFF, ENTRY, HISTORY, LEADER, LIST, MEMBER, MEMBERS, NAMESPACE, NAMESPACES, READY,
    REPLACE, ROLLBACK, SWAGGER_ASSET, TXN,
};
use crate::wire::Slug;

/// One operation. `HEAD` follows `GET`, here as in the table.
pub(super) struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
    /// The schema of the body that it takes.
    pub body: Option<&'static str>,
    pub answers: &'static [Answer],
    /// Beside those that its kind has anyway (see [`super::problems_of`]).
    pub problems: &'static [Slug],
}

/// One answer that is no problem.
pub(super) struct Answer {
    pub status: u16,
    pub description: &'static str,
    pub content: Content,
    /// Beside those of every answer.
    pub headers: &'static [&'static str],
}

pub(super) enum Content {
    Nothing,
    /// The schema of a JSON answer.
    Json(&'static str),
    /// Something else, of this media type.
    Text(&'static str),
    /// Bytes, in a file of Confman's own.
    File(&'static str),
    /// One of these, as the client wants it.
    OneOf(&'static [Content]),
}

/// Groups of operations, as the page shows them.
pub(super) const TAGS: &[(&str, &str)] = &[
    ("Entries", "Configuration: values by namespace and key."),
    ("History", "What entries were, what differs between two moments, and a way back."),
    ("Namespaces", "What entries lie in: a description and an owner each."),
    ("Audit", "Who changed what and when, one event per effective change, chained by hash."),
    ("Cluster", "The nodes, and how far each of them is."),
    ("Health", "For load balancers and supervisors. No key is needed."),
    ("Document", "This document, and a page to try it. No key is needed."),
];

const VERSION: &[&str] = &["X-Confman-Version"];
const VERSION_AND_LOCATION: &[&str] = &["Location", "X-Confman-Version"];
const VERSION_AND_ETAG: &[&str] = &["ETag", "X-Confman-Version"];

const fn json(
    status: u16,
    description: &'static str,
    schema: &'static str,
    headers: &'static [&'static str],
) -> Answer {
    Answer { status, description, content: Content::Json(schema), headers }
}

const fn nothing(status: u16, description: &'static str, headers: &'static [&'static str]) -> Answer {
    Answer { status, description, content: Content::Nothing, headers }
}

/// What is said of a node that is to vote.
const CAME_IN: &[Answer] = &[
    json(201, "It is done.", "MemberChanged", VERSION_AND_LOCATION),
    json(
        202,
        "The node is a learner and is catching up; the leader goes on by itself.",
        "MemberChanged",
        VERSION_AND_LOCATION,
    ),
];

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: ENTRY,
        id: "getEntry",
        tag: "Entries",
        summary: "One entry",
        description: "The entry as this node has it: an eventual read. `Accept: text/plain` or `format=raw` gives the value \
                      alone, byte for byte.",
        body: None,
        answers: &[
            Answer {
                status: 200,
                description: "The entry, or its value. Each has an ETag of its own.",
                content: Content::OneOf(&[Content::Json("Entry"), Content::Text("text/plain")]),
                headers: VERSION_AND_ETAG,
            },
            nothing(304, "`If-None-Match` names the ETag of what was asked for.", VERSION_AND_ETAG),
        ],
        problems: &[Slug::NotFound, Slug::VersionUnknown],
    },
    Operation {
        method: Method::PUT,
        path: ENTRY,
        id: "setEntry",
        tag: "Entries",
        summary: "Set an entry",
        description: "Answered once a majority has the write on disk and this node has applied it. An equal value is still a \
                      write. A namespace that does not exist comes to be in the same revision, owned by who sets the entry. A \
                      body of `text/plain` is the value itself, of the type `string`.",
        body: Some("SetRequest"),
        answers: &[
            json(200, "The entry was there, and is set.", "Entry", VERSION_AND_ETAG),
            json(201, "The entry was absent, and is set.", "Entry", VERSION_AND_ETAG),
        ],
        problems: &[Slug::InvalidValue],
    },
    Operation {
        method: Method::DELETE,
        path: ENTRY,
        id: "deleteEntry",
        tag: "Entries",
        summary: "Delete an entry",
        description: "Its namespace stays, also without entries.",
        body: None,
        answers: &[nothing(204, "The entry is deleted.", VERSION)],
        problems: &[Slug::NotFound],
    },
    Operation {
        method: Method::GET,
        path: LIST,
        id: "listEntries",
        tag: "Entries",
        summary: "The entries of a namespace",
        description: "Keys in byte order. All pages of one cursor show one revision, on whichever node they are asked for. An \
                      unknown namespace is an empty list. The ETag changes with every write and delete in the namespace. With `format` the answer is all of it as a file, at one revision and \
                      of at most 8 MiB (else 413); what the format cannot say is 422 and names the keys.",
        body: None,
        answers: &[
            Answer {
                status: 200,
                description: "A page, or a file.",
                content: Content::OneOf(&[
                    Content::Json("EntryListOrFile"),
                    Content::Text("application/yaml"),
                    Content::Text("text/plain"),
                    Content::Text("text/x-java-properties"),
                ]),
                headers: VERSION_AND_ETAG,
            },
            nothing(304, "`If-None-Match` names the list's ETag.", VERSION_AND_ETAG),
        ],
        problems: &[Slug::InvalidCursor, Slug::InvalidValue, Slug::PayloadTooLarge],
    },
    Operation {
        method: Method::GET,
        path: HISTORY,
        id: "listHistory",
        tag: "History",
        summary: "All that an entry was",
        description: "Its revisions, newest first, deletes too. A key that was never set is 404.",
        body: None,
        answers: &[json(200, "A page.", "HistoryList", VERSION)],
        problems: &[Slug::InvalidCursor, Slug::NotFound],
    },
    Operation {
        method: Method::POST,
        path: ROLLBACK,
        id: "rollbackEntry",
        tag: "History",
        summary: "Go back to an earlier revision of an entry",
        description: "Writes what the entry was at a revision of its history, value and type, as a new revision; a revision \
                      that deleted it deletes it. Nothing is taken out of history. It is decided where the write is applied, \
                      so that nothing comes between.",
        body: Some("RollbackRequest"),
        answers: &[
            json(200, "The entry was there, and is set.", "Entry", VERSION_AND_ETAG),
            json(201, "The entry was absent, and is set.", "Entry", VERSION_AND_ETAG),
            nothing(204, "The entry is deleted, as it was by that revision.", VERSION),
        ],
        problems: &[Slug::NotFound],
    },
    Operation {
        method: Method::GET,
        path: DIFF,
        id: "diffNamespace",
        tag: "History",
        summary: "What differs in a namespace between two moments",
        description: "Keys in byte order whose value or type is not the same: added, changed or removed. All pages of one \
                      cursor compare the same two revisions. Where both values are `json`, `patch` makes the one of the other \
                      (RFC 6902).",
        body: None,
        answers: &[json(200, "A page.", "DiffList", VERSION)],
        problems: &[Slug::InvalidCursor, Slug::VersionUnknown],
    },
    Operation {
        method: Method::POST,
        path: TXN,
        id: "transact",
        tag: "Entries",
        summary: "Several changes at one revision",
        description: "All of them where every comparison holds, else none. 1 to 512 operations, each of another key; as many \
                      comparisons. A namespace that does not exist comes to be as with the set of an entry. The delete of \
                      what is absent changes nothing, and the others are made all the same. Answered as the set of an entry.",
        body: Some("TxnRequest"),
        answers: &[json(200, "The changes are made.", "TxnAnswer", VERSION)],
        problems: &[Slug::InvalidValue, Slug::PreconditionFailed],
    },
    Operation {
        method: Method::GET,
        path: NAMESPACES,
        id: "listNamespaces",
        tag: "Namespaces",
        summary: "All namespaces",
        description: "In byte order. All pages of one cursor show one revision, on whichever node they are asked for.",
        body: None,
        answers: &[
            json(200, "A page.", "NamespaceList", VERSION_AND_ETAG),
            nothing(304, "`If-None-Match` names the list's ETag.", VERSION_AND_ETAG),
        ],
        problems: &[Slug::InvalidCursor],
    },
    Operation {
        method: Method::GET,
        path: NAMESPACE,
        id: "getNamespace",
        tag: "Namespaces",
        summary: "One namespace",
        description: "The namespace as this node has it: an eventual read.",
        body: None,
        answers: &[
            json(200, "The namespace.", "Namespace", VERSION_AND_ETAG),
            nothing(304, "`If-None-Match` names the namespace's ETag.", VERSION_AND_ETAG),
        ],
        problems: &[Slug::NotFound],
    },
    Operation {
        method: Method::PUT,
        path: NAMESPACE,
        id: "setNamespace",
        tag: "Namespaces",
        summary: "Create a namespace, or set its description and owner",
        description: "Answered as the set of an entry. Entries are not touched.",
        body: Some("SetNamespaceRequest"),
        answers: &[
            json(200, "The namespace was there, and is set.", "Namespace", VERSION_AND_ETAG),
            json(201, "The namespace was absent, and is created.", "Namespace", VERSION_AND_ETAG),
        ],
        problems: &[],
    },
    Operation {
        method: Method::DELETE,
        path: NAMESPACE,
        id: "deleteNamespace",
        tag: "Namespaces",
        summary: "Delete an empty namespace",
        description: "Refused while it has entries.",
        body: None,
        answers: &[nothing(204, "The namespace is deleted.", VERSION)],
        problems: &[Slug::NotFound, Slug::NamespaceNotEmpty],
    },
    Operation {
        method: Method::GET,
        path: "/api/v1/audit",
        id: "listAudit",
        tag: "Audit",
        summary: "All events",
        description: "Newest first, the same on every node. Values are shown while history keeps them.",
        body: None,
        answers: &[json(200, "A page.", "AuditList", VERSION)],
        problems: &[Slug::InvalidCursor],
    },
    Operation {
        method: Method::GET,
        path: AUDIT_VERIFY,
        id: "verifyAudit",
        tag: "Audit",
        summary: "Verify the audit chain of this node",
        description: "Reads every event from this node's store and checks that each is what its hash was made from, that it \
                      follows the one before it, and that none is missing. That takes some seconds for a million events; \
                      others are served meanwhile. One verification at a time: another one is told `overloaded`. A chain that \
                      is broken is an answer with `valid` false, not an error.",
        body: None,
        answers: &[json(200, "What was found.", "AuditVerification", VERSION)],
        problems: &[],
    },
    Operation {
        method: Method::GET,
        path: AUDIT_OF,
        id: "listAuditOfNamespace",
        tag: "Audit",
        summary: "The events of a namespace",
        description: "Newest first, the same on every node. An unknown namespace is an empty list. The namespace `verify` is \
                      asked for as `/api/v1/audit/verify/-`.",
        body: None,
        answers: &[json(200, "A page.", "AuditList", VERSION)],
        problems: &[Slug::InvalidCursor],
    },
    Operation {
        method: Method::GET,
        path: BACKUP,
        id: "getBackup",
        tag: "Cluster",
        summary: "The state as a file",
        description: "All that this node has applied, at one revision, while writes go on: entries, history, audit and \
                      namespaces. The file has checksums and an end of its own: `confman inspect` checks it, `confman \
                      restore` makes a new cluster of it. A node gives two at once.",
        body: None,
        answers: &[Answer {
            status: 200,
            description: "The backup. The version is the revision that it is of.",
            content: Content::File(crate::http::backup::MEDIA_TYPE),
            headers: &["Content-Disposition", "X-Confman-Version"],
        }],
        problems: &[],
    },
    Operation {
        method: Method::GET,
        path: "/api/v1/cluster",
        id: "getCluster",
        tag: "Cluster",
        summary: "The cluster as this node sees it now",
        description: "All members are asked at once; one that does not answer within half a second is shown as unreachable.",
        body: None,
        answers: &[json(200, "The members, and what needs a person.", "Cluster", &[])],
        problems: &[],
    },
    Operation {
        method: Method::GET,
        path: MEMBERS,
        id: "listMembers",
        tag: "Cluster",
        summary: "The members",
        description: "As the membership that this node knows has them; nobody is asked.",
        body: None,
        answers: &[json(200, "The members, by id.", "MemberList", &[])],
        problems: &[],
    },
    Operation {
        method: Method::GET,
        path: MEMBER,
        id: "getMember",
        tag: "Cluster",
        summary: "One member",
        description: "As the membership that this node knows has it.",
        body: None,
        answers: &[json(200, "The member.", "Member", &[])],
        problems: &[Slug::NotFound],
    },
    Operation {
        method: Method::POST,
        path: MEMBERS,
        id: "addMember",
        tag: "Cluster",
        summary: "Add a node",
        description: "A node that runs with an empty data directory comes in as a learner, and votes once it has caught up. \
                      One change of the cluster at a time. What is so already is not done again.",
        body: Some("AddMemberRequest"),
        answers: CAME_IN,
        problems: &[Slug::MembershipConflict, Slug::NotFound],
    },
    Operation {
        method: Method::PUT,
        path: MEMBER,
        id: "promoteMember",
        tag: "Cluster",
        summary: "Give a learner its vote",
        description: "Refused where it has not caught up within some seconds.",
        body: Some("PromoteMemberRequest"),
        answers: &[json(200, "The node votes.", "MemberChanged", VERSION)],
        problems: &[Slug::MembershipConflict, Slug::NotFound],
    },
    Operation {
        method: Method::DELETE,
        path: MEMBER,
        id: "removeMember",
        tag: "Cluster",
        summary: "Remove a node",
        description: "A leader hands over first. The node serves nothing any more: stop it.",
        body: None,
        answers: &[nothing(204, "The node is removed.", VERSION)],
        problems: &[Slug::MembershipConflict, Slug::NotFound],
    },
    Operation {
        method: Method::POST,
        path: REPLACE,
        id: "replaceMember",
        tag: "Cluster",
        summary: "Put a new node in the place of another",
        description: "The new node comes in as a learner and, once it has caught up, takes the other's vote in one change.",
        body: Some("ReplaceMemberRequest"),
        answers: CAME_IN,
        problems: &[Slug::MembershipConflict, Slug::NotFound],
    },
    Operation {
        method: Method::POST,
        path: LEADER,
        id: "transferLeader",
        tag: "Cluster",
        summary: "Hand the leadership to a node",
        description: "To a voter that answers.",
        body: Some("TransferRequest"),
        answers: &[json(200, "It leads.", "Leader", &[])],
        problems: &[Slug::MembershipConflict, Slug::NotFound],
    },
    Operation {
        method: Method::GET,
        path: "/health",
        id: "getHealth",
        tag: "Health",
        summary: "Whether the process can serve",
        description: "Nothing is said of the cluster.",
        body: None,
        answers: &[json(200, "It can.", "Health", &[])],
        problems: &[],
    },
    Operation {
        method: Method::GET,
        path: READY,
        id: "getReady",
        tag: "Health",
        summary: "Whether this node can be sent requests",
        description: "It has caught up since it started, and knows a leader.",
        body: None,
        answers: &[json(200, "It can.", "Ready", &[])],
        problems: &[Slug::NoLeader, Slug::VersionNotReached, Slug::NotAMember],
    },
    Operation {
        method: Method::GET,
        path: "/openapi.json",
        id: "getOpenApi",
        tag: "Document",
        summary: "This document",
        description: "OpenAPI 3.1, of just what this release has.",
        body: None,
        answers: &[json(200, "The document.", "OpenApi", &[])],
        problems: &[],
    },
    Operation {
        method: Method::GET,
        path: "/swagger",
        id: "getSwagger",
        tag: "Document",
        summary: "A page to try it",
        description: "Swagger UI. Everything that it loads comes from this node.",
        body: None,
        answers: &[Answer {
            status: 200,
            description: "The page.",
            content: Content::Text("text/html"),
            headers: &["Content-Security-Policy", "X-Content-Type-Options"],
        }],
        problems: &[],
    },
    Operation {
        method: Method::GET,
        path: SWAGGER_ASSET,
        id: "getSwaggerAsset",
        tag: "Document",
        summary: "What the page loads",
        description: "Compressed, as all browsers take it.",
        body: None,
        answers: &[Answer {
            status: 200,
            description: "A style sheet or a script.",
            content: Content::Text("*/*"),
            headers: &["Content-Encoding", "X-Content-Type-Options"],
        }],
        problems: &[Slug::NotFound],
    },
];
