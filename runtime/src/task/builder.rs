//! Goroutines with a name or a stack of their own.

use super::JoinHandle;
use super::entered::entered;
use super::scope::{Scope, ScopedJoinHandle};
use super::spawn::{extras, launch};
use crate::g::new_cell;
use crate::stack::Class;
use std::io;
use std::panic::Location;

/// Starts goroutines with a name or a stack size of their own.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
///     let deep = rt::task::Builder::new()
///         .name("deep")
///         .stack_size(4 << 20)
///         .spawn(|| rt::task::current().name().map(str::to_owned))?;
///     assert_eq!(deep.join().unwrap().as_deref(), Some("deep"));
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// A goroutine without a name, with the runtime's stack size.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     assert_eq!(rt::task::Builder::new().spawn(|| 7).unwrap().join().unwrap(), 7);
    /// }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The name that messages and dumps show. It costs one more allocation.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let worker = rt::task::Builder::new().name("worker").spawn(|| ()).unwrap();
    ///     assert_eq!(worker.task().name(), Some("worker"));
    /// }
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The stack, in bytes, rounded up to a power of two; from 32 KiB to 1 GiB, but 64 KiB at least in a debug build. One page of
    /// it is the guard; on aarch64 64 KiB are, of 128 at least. Memory that is never touched costs nothing.
    ///
    /// In a debug build every move of a value is a copy on the stack: a closure that returns an array of more than some 16 KiB by
    /// value wants a larger one there, or the array in a `Box`.
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() {
    ///     let deep = rt::task::Builder::new().stack_size(16 << 20).spawn(|| {
    ///         let large = [1_u8; 4 << 20];
    ///         std::hint::black_box(&large).len()
    ///     });
    ///     assert_eq!(deep.unwrap().join().unwrap(), 4 << 20);
    /// }
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the goroutine. See [`spawn`](super::spawn()).
    ///
    /// # Errors
    /// `InvalidInput` for a stack size out of range.
    ///
    /// # Panics
    /// When there is no runtime here, as [`spawn`](super::spawn()).
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() -> std::io::Result<()> {
    ///     let handle = rt::task::Builder::new().name("worker").spawn(|| 7)?;
    ///     assert_eq!(handle.task().name(), Some("worker"));
    ///     assert_eq!(handle.join().unwrap(), 7);
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let class = self.class()?;
        let cell = new_cell(f, class, Location::caller(), extras(self.name), ());
        launch(cell);
        Ok(JoinHandle::new(cell))
    }

    /// Starts the goroutine in a scope: it may borrow whatever outlives that, as one that [`Scope::spawn`] starts. For
    /// [`std::thread::Builder::spawn_scoped`].
    ///
    /// # Errors
    /// `InvalidInput` for a stack size out of range.
    ///
    /// # Panics
    /// As [`Scope::spawn`].
    ///
    /// # Examples
    /// ```
    /// #[rt::main]
    /// fn main() -> std::io::Result<()> {
    ///     let words = ["borrowed", "and", "named"];
    ///     let longest = rt::scope(|s| {
    ///         let search = rt::task::Builder::new().name("search");
    ///         let search = search.spawn_scoped(s, || words.iter().max_by_key(|word| word.len()))?;
    ///         assert_eq!(search.task().name(), Some("search"));
    ///         std::io::Result::Ok(search.join().unwrap())
    ///     });
    ///     assert_eq!(longest?, Some(&"borrowed"));
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let class = match self.stack_size {
            Some(bytes) => Class::for_size(bytes)?,
            None => scope.class(),
        };
        Ok(scope.spawn_as(class, extras(self.name), f))
    }

    #[track_caller]
    fn class(&self) -> io::Result<Class> {
        match self.stack_size {
            Some(bytes) => Class::for_size(bytes),
            None => match entered() {
                Some(sched) => Ok(sched.config.class),
                // Any will do: `launch` says that there is no runtime.
                None => Class::for_size(1 << 18),
            },
        }
    }
}
