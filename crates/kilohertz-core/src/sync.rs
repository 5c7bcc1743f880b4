//! The synchronisation that the channels are built on: the standard library's and
//! `triple_buffer`'s, or loom's while a loom test explores what the threads may do.

#[cfg(not(loom))]
pub(crate) use std::{
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    thread::{self, Thread},
};

#[cfg(loom)]
pub(crate) use loom::{
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    thread::{self, Thread},
};

#[cfg(not(loom))]
mod newest {
    /// The writing end of a newest-value channel: wait-free, the older value is overwritten.
    pub(crate) struct NewestIn<T: Send>(triple_buffer::Input<T>);

    /// The reading end of a newest-value channel: wait-free.
    pub(crate) struct NewestOut<T: Send>(triple_buffer::Output<T>);

    /// A channel that holds the newest value; `initial` is cloned for its three places.
    pub(crate) fn newest<T: Clone + Send>(initial: &T) -> (NewestIn<T>, NewestOut<T>) {
        let (input, output) = triple_buffer::triple_buffer(initial);
        (NewestIn(input), NewestOut(output))
    }

    impl<T: Send> NewestIn<T> {
        /// Writes a value in place and publishes it; says whether the one before went unread.
        ///
        /// `write` is given some older value and must set all of it.
        pub(crate) fn publish(&mut self, write: impl FnOnce(&mut T)) -> bool {
            write(self.0.input_buffer_mut());
            self.0.publish()
        }
    }

    impl<T: Send> NewestOut<T> {
        /// Takes the newest value, where one came since the last call.
        pub(crate) fn take(&mut self) -> Option<&T> {
            self.0.update().then(|| self.0.output_buffer())
        }
    }
}

/// What `triple_buffer` promises, so that loom checks our use of it and not it: a value is whole, and
/// a reader that has not synchronised with the writer may not see it yet.
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
            // Relaxed, as `triple_buffer` looks: it may be an older value.
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
