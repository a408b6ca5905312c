use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

/// What a panicking task said, and where.
#[derive(Clone, Debug)]
pub struct Panicked(pub String);

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// Installs the hook that keeps a panic's message and place for [`Guarded`]. With `quiet`, panics of guarded tasks
/// are not printed: the run reports them itself.
pub fn remember_panics(quiet: bool) {
    static INSTALLED: Once = Once::new();
    QUIET.set(quiet);
    INSTALLED.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
            let what = info.payload_as_str().unwrap_or("a panic without words");
            LAST_PANIC.with(|last| *last.borrow_mut() = Some(format!("{what}{place}")));
            if GUARDED.get() == 0 || !QUIET.get() {
                print(info);
            }
        }));
    });
}

fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    GUARDED.set(GUARDED.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(GUARDED.get() - 1);
    done.map_err(|_| {
        let said = LAST_PANIC.with(|last| last.borrow_mut().take());
        Panicked(said.unwrap_or_else(|| "a panic".to_owned()))
    })
}

/// A task whose panic ends it and nothing else, also when it panics while it is dropped.
pub struct Guarded<F>(Option<Pin<Box<F>>>);

impl<F> Guarded<F> {
    pub fn new(work: F) -> Guarded<F> {
        Guarded(Some(Box::pin(work)))
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.0.as_mut().expect("not polled after it was ready");
        match guarded(|| work.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            // A killed node's destructors may meet closed channels; what they say then concerns nobody.
            let _ = guarded(|| drop(work));
        }
    }
}
