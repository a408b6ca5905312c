use super::search::Call;

/// Invocations and returns of the answered calls in the order of time, as a ring. A call's two can be lifted out and put
/// back where they were, last out first in. Where moments are equal, invocations come first: such calls overlap.
///
/// Knuth's dancing links (2000), as Lowe uses them in "Testing for linearizability" (2017).
pub struct Line {
    /// By place; none at 0, where the ring begins and ends.
    events: Vec<Option<Event>>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// By call.
    spots: Vec<Spot>,
}

/// What happens at a place.
#[derive(Clone, Copy)]
pub enum Event {
    Invoked(usize),
    Returned(usize),
}

#[derive(Clone, Copy, Default)]
struct Spot {
    invoked: usize,
    returned: usize,
    number: usize,
}

impl Line {
    pub fn of<O>(calls: &[Call<O>]) -> Line {
        let mut moments = Vec::with_capacity(2 * calls.len());
        for (call, returned) in calls.iter().enumerate().filter_map(|(n, call)| Some((n, call.returned()?))) {
            moments.push((calls[call].invoked, false, call));
            moments.push((returned, true, call));
        }
        moments.sort_unstable();
        let many = moments.len() + 1;
        let mut spots = vec![Spot::default(); calls.len()];
        let mut events = vec![None];
        let mut number = 0;
        for (place, (_, returns, call)) in (1..).zip(moments) {
            if returns {
                spots[call].returned = place;
                events.push(Some(Event::Returned(call)));
            } else {
                (spots[call].invoked, spots[call].number) = (place, number);
                number += 1;
                events.push(Some(Event::Invoked(call)));
            }
        }
        let next = (0..many).map(|place| (place + 1) % many).collect();
        let previous = (0..many).map(|place| (place + many - 1) % many).collect();
        Line { events, next, previous, spots }
    }

    /// The first place; 0 where all is lifted out.
    pub fn first(&self) -> usize {
        self.next[0]
    }

    pub fn after(&self, place: usize) -> usize {
        self.next[place]
    }

    /// What happens at a place; `None` at the end.
    pub fn event(&self, place: usize) -> Option<Event> {
        self.events[place]
    }

    /// A call's number in the order of the invocations.
    pub fn number(&self, call: usize) -> usize {
        self.spots[call].number
    }

    pub fn lift(&mut self, call: usize) {
        let Spot { invoked, returned, .. } = self.spots[call];
        for place in [invoked, returned] {
            let (previous, next) = (self.previous[place], self.next[place]);
            self.next[previous] = next;
            self.previous[next] = previous;
        }
    }

    pub fn put_back(&mut self, call: usize) {
        let Spot { invoked, returned, .. } = self.spots[call];
        for place in [returned, invoked] {
            let (previous, next) = (self.previous[place], self.next[place]);
            self.next[previous] = place;
            self.previous[next] = place;
        }
    }
}
