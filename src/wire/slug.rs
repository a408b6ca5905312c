use std::fmt;

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)*) => {
        /// What can go wrong, as clients see it: the last segment of a problem's `type`. Stable for ever.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Slug {
            $($(#[$doc])* $name,)*
        }

        impl Slug {
            /// Every slug, in the order of the contract.
            pub const ALL: &'static [Slug] = &[$(Slug::$name),*];

            /// The text in the problem's `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Slug::$name => $slug),* }
            }

            /// The HTTP status that always goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Slug::$name => $status),* }
            }

            /// The problem's `title`: the same for every occurrence (RFC 9457, section 3.1.3).
            pub const fn title(self) -> &'static str {
                match self { $(Slug::$name => $title),* }
            }
        }
    };
}

slugs! {
    /// Nothing is there.
    NotFound = "not-found", 404, "Not found";
    /// The path is known, the method is not one of its own.
    MethodNotAllowed = "method-not-allowed", 405, "Method not allowed";
    /// No key, or one that nobody holds.
    Unauthorized = "unauthorized", 401, "Authentication required";
    /// A known key that does not open this.
    Forbidden = "forbidden", 403, "Not permitted";
    /// The request breaks a rule of its form.
    InvalidRequest = "invalid-request", 400, "Invalid request";
    /// A cursor that was not made for this query by this cluster.
    InvalidCursor = "invalid-cursor", 400, "Invalid cursor";
    /// A cursor from before what is kept.
    CursorExpired = "cursor-expired", 410, "Cursor expired";
    /// A value that does not parse as its type, or that a file's format cannot say.
    InvalidValue = "invalid-value", 422, "Invalid value";
    /// A body or a value beyond its bound.
    PayloadTooLarge = "payload-too-large", 413, "Payload too large";
    /// Request headers beyond their bound.
    HeaderTooLarge = "header-too-large", 431, "Request headers too large";
    /// A body that is not JSON.
    UnsupportedMediaType = "unsupported-media-type", 415, "Unsupported media type";
    /// No representation that the client accepts.
    NotAcceptable = "not-acceptable", 406, "Not acceptable";
    /// A condition that did not hold; nothing was written.
    PreconditionFailed = "precondition-failed", 412, "Precondition failed";
    /// An idempotency key that was used for another request.
    IdempotencyMismatch = "idempotency-mismatch", 422, "Idempotency key used for another request";
    /// A namespace that cannot be deleted because it has entries.
    NamespaceNotEmpty = "namespace-not-empty", 409, "Namespace not empty";
    /// A change of the cluster's members that was refused.
    MembershipConflict = "membership-conflict", 409, "Membership change refused";
    /// The node does not belong to the cluster; another may serve.
    NotAMember = "not-a-member", 503, "Not a member of the cluster";
    /// This node has not applied what the read needs.
    VersionNotReached = "version-not-reached", 503, "Version not reached";
    /// A version token of a write that does not exist.
    VersionUnknown = "version-unknown", 409, "Version unknown";
    /// History below the floor.
    Compacted = "compacted", 410, "History compacted";
    /// The cluster has no leader that this node knows; nothing was written.
    NoLeader = "no-leader", 503, "No leader";
    /// Another node leads; nothing was written.
    NotLeader = "not-leader", 307, "Not the leader";
    /// The write may or may not have taken effect.
    OutcomeUnknown = "outcome-unknown", 504, "Outcome unknown";
    /// The node is too busy; nothing was done.
    Overloaded = "overloaded", 503, "Overloaded";
    /// The leader is short of disk; nothing was written.
    StorageFull = "storage-full", 507, "Storage full";
    /// Part of the contract that this release does not have.
    NotImplemented = "not-implemented", 501, "Not implemented";
    /// A fault of the node's own.
    Internal = "internal", 500, "Internal error";
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slugs_of_the_contract_are_all_here_and_no_others() {
        let contract = "not-found method-not-allowed unauthorized forbidden invalid-request invalid-cursor \
            cursor-expired invalid-value payload-too-large header-too-large unsupported-media-type not-acceptable \
            precondition-failed idempotency-mismatch namespace-not-empty membership-conflict not-a-member \
            version-not-reached version-unknown compacted no-leader not-leader outcome-unknown overloaded storage-full not-implemented internal";
        let ours: Vec<&str> = Slug::ALL.iter().map(|slug| slug.as_str()).collect();
        assert_eq!(ours, contract.split_whitespace().collect::<Vec<_>>());
    }
}
