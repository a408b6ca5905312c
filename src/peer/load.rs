use std::sync::{Arc, Mutex, PoisonError};

use super::FrameKind;

/// Requests of one link and class that may be executing, or whose answers may be waiting to be sent.
pub(super) const REQUESTS_IN_FLIGHT_MAX: usize = 512;
/// What those requests and answers may weigh together. One request is always let in, whatever its size.
const REQUEST_BYTES_MAX: usize = 32 << 20;

/// What one incoming link keeps this node busy with.
///
/// Forwarded writes wait for a quorum and may pile up when there is none. They are counted apart, so that the votes
/// that would bring the quorum back always get in.
#[derive(Clone, Default)]
pub(super) struct Load(Arc<Mutex<[Class; 2]>>);

#[derive(Default)]
struct Class {
    requests: usize,
    bytes: usize,
}

/// A request's place; free again when dropped.
pub(super) struct Place {
    load: Load,
    class: usize,
    bytes: usize,
}

impl Load {
    /// A place for a request, unless there are too many already.
    pub fn admit(&self, kind: FrameKind, bytes: usize) -> Option<Place> {
        let class = usize::from(kind == FrameKind::Forward);
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = &mut classes[class];
        let full = now.requests >= REQUESTS_IN_FLIGHT_MAX || now.bytes.saturating_add(bytes) > REQUEST_BYTES_MAX;
        if full && now.requests > 0 {
            return None;
        }
        now.requests += 1;
        now.bytes += bytes;
        Some(Place { load: self.clone(), class, bytes })
    }
}

impl Place {
    /// The request is done; what is held now is its answer.
    pub fn answered(&mut self, bytes: usize) {
        let mut classes = self.load.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = &mut classes[self.class];
        now.bytes = now.bytes - self.bytes + bytes;
        self.bytes = bytes;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut classes = self.load.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = &mut classes[self.class];
        now.requests -= 1;
        now.bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_and_bytes_are_bounded_and_given_back() {
        let load = Load::default();
        let places: Vec<_> = (0..REQUESTS_IN_FLIGHT_MAX).map(|_| load.admit(FrameKind::Append, 1).unwrap()).collect();
        assert!(load.admit(FrameKind::Append, 1).is_none());
        drop(places);
        let mut large = load.admit(FrameKind::Append, REQUEST_BYTES_MAX + 1).expect("one is always let in");
        assert!(load.admit(FrameKind::Append, 1).is_none());
        large.answered(1);
        assert!(load.admit(FrameKind::Append, 1).is_some());
    }

    #[test]
    fn forwarded_writes_never_keep_a_vote_out() {
        let load = Load::default();
        let forwards: Vec<_> = std::iter::from_fn(|| load.admit(FrameKind::Forward, 1)).collect();
        assert_eq!(forwards.len(), REQUESTS_IN_FLIGHT_MAX);
        assert!(load.admit(FrameKind::Vote, 1).is_some());
    }
}
