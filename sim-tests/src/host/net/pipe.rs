use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use confman::host::{BoxFuture, LinkReceiver, LinkSender};

use super::{Lot, Net, Place, arrival};
use crate::coverage::Point;
use crate::host::points;
use crate::runtime::{Sleep, cause, elapsed, sleep_until};
use crate::trace::Member;
use crate::world::Incarnation;

/// One direction of a link, between two processes.
pub(super) struct Pipe {
    number: u64,
    from: Arc<Incarnation>,
    to: Arc<Incarnation>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// On its way, by the moment of arrival and then by number.
    coming: BTreeMap<(Duration, u64), Item>,
    /// Waits for a cut to end.
    held: Vec<Item>,
    /// The latest arrival so far: what is not reordered arrives after it.
    latest: Duration,
    /// From when on the sender knows that nobody reads any more.
    broken_at: Option<Duration>,
    closed: bool,
    waker: Option<Waker>,
}

#[derive(Clone)]
enum Item {
    Frame(Message),
    Close,
}

/// A frame on its way.
#[derive(Clone)]
struct Message {
    frame: Bytes,
    /// See [`Net::number`].
    number: u64,
    /// The event that sent it.
    sent: u64,
    /// This is the second copy.
    again: bool,
}

impl Pipe {
    pub(super) fn new(number: u64, from: Arc<Incarnation>, to: Arc<Incarnation>) -> Pipe {
        Pipe { number, from, to, state: Mutex::default() }
    }

    pub(super) fn from(&self) -> Place {
        self.from.node
    }

    pub(super) fn to(&self) -> Place {
        self.to.node
    }

    /// The number of the link that this is a direction of: its two pipes are numbered one after the other, from 1 on.
    fn link(&self) -> u64 {
        self.number.div_ceil(2)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under this lock")
    }

    /// Puts something on its way, whatever may become of it there.
    fn put(&self, net: &Net, item: Item) {
        let (from, to) = (self.from(), self.to());
        let conditions = net.conditions(from, to);
        if conditions.cut {
            if conditions.holds {
                self.note("held", &item, None);
                self.state().held.push(item);
            } else {
                self.note("lost", &item, Some("cut"));
                net.sometimes(Point::FrameCutOff);
            }
            return;
        }
        if net.chance(from, to, Lot::Loss, conditions.loss) {
            self.note("lost", &item, Some("loss"));
            net.sometimes(Point::FrameLost);
            return;
        }
        if !self.to.is_alive() {
            self.note("lost", &item, Some("dead"));
            net.sometimes(Point::FrameToDeadProcess);
            self.refuse(net);
            return;
        }
        let copies = if net.chance(from, to, Lot::Duplication, conditions.duplication) { 2 } else { 1 };
        for copy in 0..copies {
            let overtakes = net.chance(from, to, Lot::Reordering, conditions.reordering);
            let mut at = arrival(net.delay(from, to, &conditions));
            let number = net.number();
            let mut state = self.state();
            let mut item = item.clone();
            if !overtakes && copy == 0 {
                at = at.max(state.latest);
                state.latest = at;
            } else if copy == 0 {
                net.sometimes(Point::FrameReordered);
                self.note("overtakes", &item, None);
            } else {
                net.sometimes(Point::FrameRepeated);
                if let Item::Frame(message) = &mut item {
                    message.again = true;
                }
            }
            state.coming.insert((at, number), item);
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Records what becomes of a message, caused by its sending.
    fn note(&self, kind: &'static str, item: &Item, why: Option<&'static str>) {
        let Item::Frame(message) = item else { return };
        let to = [("to", Member::Place(self.to())), ("msg", Member::Number(message.number))];
        match why {
            None => self.from.follow_up(Some(message.sent), kind, &to, format_args!("")),
            Some(why) => {
                let members = [to[0], to[1], ("why", Member::Text(why))];
                self.from.follow_up(Some(message.sent), kind, &members, format_args!(""))
            }
        };
    }

    /// The far process is gone. Its system says so, where it has power and can be heard.
    fn refuse(&self, net: &Net) {
        let back = net.conditions(self.to(), self.from());
        if net.listens(self.to()).is_some() && !back.cut {
            let at = arrival(net.delay(self.to(), self.from(), &back) * 2);
            self.state().broken_at.get_or_insert(at);
        }
    }

    /// A cut ended.
    pub(super) fn release(&self, net: &Net) {
        let held = std::mem::take(&mut self.state().held);
        for item in held {
            net.sometimes(Point::FrameHeld);
            self.put(net, item);
        }
    }

    /// A process at one of the ends died and its system lives.
    pub(super) fn end_of_process(&self, net: &Net, process: &Arc<Incarnation>) {
        if Arc::ptr_eq(&self.from, process) {
            self.put(net, Item::Close);
        } else if Arc::ptr_eq(&self.to, process) {
            self.refuse(net);
        }
    }

    fn is_broken(&self) -> bool {
        self.state().broken_at.is_some_and(|at| at <= elapsed())
    }
}

/// The sending half of a link.
pub(super) struct PipeSender {
    net: Net,
    process: Arc<Incarnation>,
    pipe: Arc<Pipe>,
}

impl PipeSender {
    pub(super) fn new(net: Net, process: Arc<Incarnation>, pipe: Arc<Pipe>) -> PipeSender {
        PipeSender { net, process, pipe }
    }
}

impl LinkSender for PipeSender {
    fn send(&mut self, frames: Vec<Bytes>) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            if !self.process.is_alive() || self.pipe.is_broken() {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the other side is gone"));
            }
            for frame in frames {
                let sum = xxhash_rust::xxh3::xxh3_64(&frame) as u32;
                let point = points::of_frame(&frame, true);
                let number = self.net.number();
                let members = [
                    ("to", Member::Place(self.pipe.to())),
                    ("msg", Member::Number(number)),
                    ("link", Member::Number(self.pipe.number)),
                    ("what", Member::Text(self.net.what(&frame))),
                    ("bytes", Member::Number(frame.len() as u64)),
                ];
                let sent = self.process.record("send", &members, format_args!("{sum:08x}"));
                self.net.tap_sent(self.pipe.link(), self.pipe.from(), self.pipe.to(), &frame);
                self.pipe.put(&self.net, Item::Frame(Message { frame, number, sent, again: false }));
                cause::follow(sent);
                if let Some(point) = point {
                    self.process.reach(point);
                    if !self.process.is_alive() {
                        return Err(io::Error::other("this process is dead"));
                    }
                }
            }
            Ok(())
        })
    }
}

impl Drop for PipeSender {
    fn drop(&mut self) {
        if self.process.is_alive() {
            self.pipe.put(&self.net, Item::Close);
        }
    }
}

/// The receiving half of a link.
pub(super) struct PipeReceiver {
    net: Net,
    process: Arc<Incarnation>,
    pipe: Arc<Pipe>,
}

impl PipeReceiver {
    pub(super) fn new(net: Net, process: Arc<Incarnation>, pipe: Arc<Pipe>) -> PipeReceiver {
        PipeReceiver { net, process, pipe }
    }
}

impl LinkReceiver for PipeReceiver {
    fn recv(&mut self, bytes_max: usize) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        Box::pin(Receive { receiver: self, bytes_max, timer: None })
    }
}

impl Drop for PipeReceiver {
    fn drop(&mut self) {
        if self.process.is_alive() {
            self.pipe.refuse(&self.net);
        }
    }
}

struct Receive<'a> {
    receiver: &'a mut PipeReceiver,
    bytes_max: usize,
    timer: Option<(Duration, Sleep)>,
}

impl Future for Receive<'_> {
    type Output = io::Result<Option<Bytes>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let this = &mut *self;
            let PipeReceiver { net, process, pipe } = &*this.receiver;
            if !process.is_alive() {
                return Poll::Ready(Err(io::Error::other("this process is dead")));
            }
            let mut state = pipe.state();
            if state.closed {
                return Poll::Ready(Ok(None));
            }
            let next = state.coming.first_key_value().map(|((at, number), _)| (*at, *number));
            match next {
                Some(key) if key.0 <= elapsed() => {
                    let item = state.coming.remove(&key).expect("it was there, under this lock");
                    let Item::Frame(Message { frame, number, sent, again }) = item else {
                        state.closed = true;
                        return Poll::Ready(Ok(None));
                    };
                    drop(state);
                    if frame.len() > this.bytes_max {
                        let what = format!("a frame of {} bytes where {} are the most", frame.len(), this.bytes_max);
                        return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
                    }
                    let members = [
                        ("from", Member::Place(pipe.from())),
                        ("msg", Member::Number(number)),
                        ("link", Member::Number(pipe.number)),
                        ("again", Member::Flag(true)),
                    ];
                    let members = if again { &members[..] } else { &members[..3] };
                    process.follow_up(Some(sent), "receive", members, format_args!(""));
                    process.hears(points::of_frame(&frame, false));
                    if !process.is_alive() {
                        return Poll::Ready(Err(io::Error::other("this process is dead")));
                    }
                    net.tap(pipe.from(), pipe.to(), &frame);
                    return Poll::Ready(Ok(Some(frame)));
                }
                Some((at, _)) => {
                    state.waker = Some(cx.waker().clone());
                    drop(state);
                    if this.timer.as_ref().is_none_or(|(armed, _)| *armed != at) {
                        this.timer = Some((at, sleep_until(at)));
                    }
                    let (_, timer) = this.timer.as_mut().expect("armed just now");
                    if Pin::new(timer).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                None => {
                    state.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }
}
