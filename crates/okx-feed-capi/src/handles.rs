//! Handles: numbers that look like pointers to C, and the table of what they stand for.
//!
//! A handle is never followed as a pointer, so a closed one, one of another kind and any other
//! number are found out. Numbers are never given twice. A thread keeps what it used last, so that
//! using a handle again takes no lock and touches nothing that another thread writes.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};

use crate::status::{Failure, Outcome, Status};

/// A type of handle, which C knows by its name alone.
pub(crate) trait Handle {
    /// What stands behind it.
    type Object: Send + Sync + 'static;

    /// What it is, for messages.
    const NAME: &'static str;
}

/// An object of the table.
struct Entry {
    object: Box<dyn Any + Send + Sync>,
    is_closed: AtomicBool,
}

type Table = BTreeMap<usize, Arc<Entry>>;

static TABLE: RwLock<Table> = RwLock::new(BTreeMap::new());

/// The next handle. Odd, so that no handle is an address of anything aligned.
static NEXT: AtomicUsize = AtomicUsize::new(FIRST);
const FIRST: usize = 0x1001;
const STEP: usize = 2;

/// How many handles a thread keeps.
const RECENT: usize = 64;

type Recent = [Option<(usize, Kept)>; RECENT];

/// What a thread keeps. Counted twice, so that its clones do not touch what other threads count.
type Kept = Rc<Shared>;

/// What all threads share.
struct Shared(Arc<Entry>);

thread_local! {
    static USED: RefCell<Recent> = const { RefCell::new([const { None }; RECENT]) };
}

const fn place(handle: usize) -> usize {
    handle / STEP % RECENT
}

/// Makes a handle of an object.
pub(crate) fn open<H: Handle>(object: H::Object) -> *mut H {
    let handle = NEXT.fetch_add(STEP, Ordering::Relaxed);
    let entry = Entry { object: Box::new(object), is_closed: AtomicBool::new(false) };
    TABLE.write().unwrap_or_else(PoisonError::into_inner).insert(handle, Arc::new(entry));
    std::ptr::without_provenance_mut(handle)
}

/// Passes the object of a handle to `f`.
pub(crate) fn with<H: Handle, R>(
    handle: *const H,
    f: impl FnOnce(&H::Object) -> Outcome<R>,
) -> Outcome<R> {
    let entry = find(handle.addr(), H::NAME)?;
    let object = entry.0.object.downcast_ref().ok_or_else(|| refuse(handle.addr(), H::NAME))?;
    f(object)
}

/// Closes a handle: `end` may refuse by an error; then it stays open.
pub(crate) fn close<H: Handle>(
    handle: *const H,
    end: impl FnOnce(&H::Object) -> Outcome<()>,
) -> Outcome {
    with(handle, |object| {
        end(object)?;
        let removed = TABLE.write().unwrap_or_else(PoisonError::into_inner).remove(&handle.addr());
        // Another thread may have closed it meanwhile.
        let removed = removed.ok_or_else(|| refuse(handle.addr(), H::NAME))?;
        removed.is_closed.store(true, Ordering::Release);
        Ok(Status::Ok)
    })
}

fn find(handle: usize, name: &'static str) -> Outcome<Kept> {
    if handle == 0 {
        return Err(Failure::new(Status::Null, format_args!("the handle of {name} is NULL")));
    }
    let recent = USED.try_with(|used| {
        let used = used.try_borrow().ok()?;
        let (of, entry) = used.get(place(handle))?.as_ref()?;
        (*of == handle && !entry.0.is_closed.load(Ordering::Acquire)).then(|| Rc::clone(entry))
    });
    match recent {
        Ok(Some(entry)) => Ok(entry),
        // No such place when the thread is ending.
        Ok(None) | Err(_) => find_in_table(handle, name),
    }
}

#[cold]
fn find_in_table(handle: usize, name: &'static str) -> Outcome<Kept> {
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    let entry = table.get(&handle).map(Arc::clone).ok_or_else(|| refuse(handle, name))?;
    drop(table);
    let entry = Rc::new(Shared(entry));
    // What was kept there is dropped after the borrow has ended: it may be the last to have it.
    let earlier = USED.try_with(|used| {
        let mut used = used.try_borrow_mut().ok()?;
        used.get_mut(place(handle))?.replace((handle, Rc::clone(&entry)))
    });
    drop(earlier);
    Ok(entry)
}

fn refuse(handle: usize, name: &str) -> Failure {
    let reason = format_args!("{handle:#x} is no open handle of {name}");
    Failure::new(Status::Handle, reason)
}

/// An object that one thread at a time may use, and that a close takes away.
#[derive(Debug)]
pub(crate) struct Exclusive<T>(Mutex<Option<T>>);

impl<T> Exclusive<T> {
    pub(crate) const fn new(object: T) -> Self {
        Self(Mutex::new(Some(object)))
    }

    /// Passes the object to `f`.
    ///
    /// Fails if another thread has it, or this one in a callback, if it is closed, and after a
    /// panic.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> Outcome<R>) -> Outcome<R> {
        let mut lock = self.lock()?;
        f(lock.as_mut().ok_or_else(closed)?)
    }

    /// Removes the object, which was not closed yet.
    pub(crate) fn take(&self) -> Outcome<T> {
        self.lock()?.take().ok_or_else(closed)
    }

    /// Drops the object, also one that a panic left.
    pub(crate) fn end(&self) -> Outcome<()> {
        match self.0.try_lock() {
            Ok(mut lock) => drop(lock.take()),
            Err(TryLockError::Poisoned(lock)) => drop(lock.into_inner().take()),
            Err(TryLockError::WouldBlock) => return Err(in_use()),
        }
        Ok(())
    }

    fn lock(&self) -> Outcome<std::sync::MutexGuard<'_, Option<T>>> {
        self.0.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => in_use(),
            TryLockError::Poisoned(_) => {
                Failure::new(Status::Panic, "an earlier call has failed by a fault; close it")
            }
        })
    }
}

fn in_use() -> Failure {
    Failure::new(Status::Thread, "another thread uses the handle, or the callback of this call")
}

fn closed() -> Failure {
    Failure::new(Status::Handle, "the handle is being closed")
}
