//! The synchronisation that the channels are built on: the standard library and `triple_buffer`, or loom
//! while a loom test explores the interleavings of the threads.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

#[cfg(not(loom))]
pub(crate) use std::{
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
    thread::{self, Thread},
};

#[cfg(loom)]
pub(crate) use loom::{
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
    thread::{self, Thread},
};

#[cfg(not(loom))]
mod newest {
    /// The writing end of a newest-value channel: wait-free; a new value overwrites the older one.
    pub(crate) struct NewestIn<T: Send>(triple_buffer::Input<T>);

    /// The reading end of a newest-value channel: wait-free.
    pub(crate) struct NewestOut<T: Send>(triple_buffer::Output<T>);

    /// Creates a channel that holds the newest value; `initial` is cloned for its three places.
    pub(crate) fn newest<T: Clone + Send>(initial: &T) -> (NewestIn<T>, NewestOut<T>) {
        let (input, output) = triple_buffer::triple_buffer(initial);
        (NewestIn(input), NewestOut(output))
    }

    impl<T: Send> NewestIn<T> {
        /// Writes a value in place and publishes it. Returns true if the value before was not read.
        ///
        /// `write` is given some older value and must set all of it.
        pub(crate) fn publish(&mut self, write: impl FnOnce(&mut T)) -> bool {
            write(self.0.input_buffer_mut());
            self.0.publish()
        }
    }

    impl<T: Send> NewestOut<T> {
        /// Returns the newest value, if one came since the last call.
        pub(crate) fn take(&mut self) -> Option<&T> {
            self.0.update().then(|| self.0.output_buffer())
        }
    }
}

/// A model of what `triple_buffer` promises, so that loom checks our use of it and not the crate itself: a
/// value is whole, and a reader that has not synchronised with the writer may not see it yet.
#[cfg(loom)]
mod newest {
    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::sync::{Arc, Mutex};

    struct Shared<T> {
        value: Mutex<T>,
        unread: AtomicBool,
    }

    pub(crate) struct NewestIn<T>(Arc<Shared<T>>);
    pub(crate) struct NewestOut<T>(Arc<Shared<T>>, T);

    pub(crate) fn newest<T: Clone>(initial: &T) -> (NewestIn<T>, NewestOut<T>) {
        let shared = Arc::new(Shared {
            value: Mutex::new(initial.clone()),
            unread: AtomicBool::new(false),
        });
        (
            NewestIn(Arc::clone(&shared)),
            NewestOut(shared, initial.clone()),
        )
    }

    impl<T> NewestIn<T> {
        pub(crate) fn publish(&mut self, write: impl FnOnce(&mut T)) -> bool {
            write(&mut self.0.value.lock().unwrap());
            self.0.unread.swap(true, Ordering::AcqRel)
        }
    }

    impl<T: Clone> NewestOut<T> {
        pub(crate) fn take(&mut self) -> Option<&T> {
            // Relaxed, as in `triple_buffer`: this may read an older value.
            if !self.0.unread.load(Ordering::Relaxed) {
                return None;
            }
            self.0.unread.swap(false, Ordering::AcqRel);
            self.1 = self.0.value.lock().unwrap().clone();
            Some(&self.1)
        }
    }
}

pub(crate) use newest::{NewestIn, NewestOut, newest};

#[cfg(not(loom))]
mod ring {
    /// The writing end of a ring of rows: wait-free.
    pub(crate) struct RowsIn(rtrb::Producer<f64>);

    /// The reading end of a ring of rows: wait-free.
    pub(crate) struct RowsOut(rtrb::Consumer<f64>);

    /// Creates a ring for `count` rows of `len` numbers.
    pub(crate) fn rows(count: usize, len: usize) -> (RowsIn, RowsOut) {
        let (producer, consumer) = rtrb::RingBuffer::new(count.saturating_mul(len));
        (RowsIn(producer), RowsOut(consumer))
    }

    impl RowsIn {
        /// Stores the whole `row`. Returns true if there was room for it.
        pub(crate) fn push(&mut self, row: &[f64]) -> bool {
            self.0.push_entire_slice(row).is_ok()
        }
    }

    impl RowsOut {
        /// Takes the oldest row. Returns true if there was one.
        pub(crate) fn pop(&mut self, row: &mut [f64]) -> bool {
            self.0.pop_entire_slice(row).is_ok()
        }
    }
}

/// A model of what `rtrb` promises, so that loom checks our use of it and not the crate itself: a row is
/// whole, rows come in order, and a reader that has not synchronised with the writer may not see one yet.
#[cfg(loom)]
mod ring {
    use std::collections::VecDeque;

    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::sync::{Arc, Mutex};

    struct Shared {
        rows: Mutex<VecDeque<Vec<f64>>>,
        written: AtomicUsize,
        count: usize,
    }

    pub(crate) struct RowsIn(Arc<Shared>);
    pub(crate) struct RowsOut(Arc<Shared>, usize);

    pub(crate) fn rows(count: usize, _len: usize) -> (RowsIn, RowsOut) {
        let shared = Arc::new(Shared {
            rows: Mutex::new(VecDeque::new()),
            written: AtomicUsize::new(0),
            count,
        });
        (RowsIn(Arc::clone(&shared)), RowsOut(shared, 0))
    }

    impl RowsIn {
        pub(crate) fn push(&mut self, row: &[f64]) -> bool {
            let mut rows = self.0.rows.lock().unwrap();
            if rows.len() == self.0.count {
                return false;
            }
            rows.push_back(row.to_vec());
            drop(rows);
            self.0.written.fetch_add(1, Ordering::Release);
            true
        }
    }

    impl RowsOut {
        pub(crate) fn pop(&mut self, row: &mut [f64]) -> bool {
            // This may read an older number: what the writer has stored since is not visible yet.
            if self.0.written.load(Ordering::Acquire) == self.1 {
                return false;
            }
            self.1 += 1;
            let oldest = self.0.rows.lock().unwrap().pop_front();
            row.copy_from_slice(&oldest.expect("it was counted"));
            true
        }
    }
}

pub(crate) use ring::{RowsIn, RowsOut, rows};
