//! Who is what: the interfaces that types were registered for.
//!
//! Rust keeps no list of the traits of a type at run time, so a program makes one: for a pair of a type and an interface,
//! the function that turns a reference to the one into a reference to the other.
//!
//! 1. An entry is never changed and never removed: what was asserted once is asserted always.
//! 2. Under the lock nothing is called but the hash of a `TypeId`, and nothing is dropped.

#![forbid(unsafe_code)]

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// `Arc<Cast<I>>` in a box, by type and interface.
type Casts = HashMap<(TypeId, TypeId), Box<dyn Any + Send + Sync>>;

type Cast<I> = dyn for<'a> Fn(&'a dyn Any) -> Option<&'a I> + Send + Sync;

static CASTS: LazyLock<RwLock<Casts>> = LazyLock::new(RwLock::default);

/// Says that a `T` is an `I`: a `Dyn` with a `T` in it can be asserted to be one from now on, anywhere in the process.
/// The function is how a reference to one becomes a reference to the other, mostly `|value| value`.
///
/// In Go every type is every interface whose methods it has; here, those that were registered. A second registration of the
/// same two does nothing.
///
/// # Examples
/// ```
/// use rt::any::{self, Dyn};
///
/// trait Speak {
///     fn say(&self) -> &str;
/// }
/// struct Dog;
/// impl Speak for Dog {
///     fn say(&self) -> &str {
///         "woof"
///     }
/// }
///
/// any::register::<Dog, dyn Speak>(|dog| dog);
///
/// let x = Dyn::new(Dog);
/// assert_eq!(x.assert_dyn::<dyn Speak>().map(Speak::say), Some("woof"));
/// assert!(Dyn::new(5).assert_dyn::<dyn Speak>().is_none());
/// ```
pub fn register<T: Any, I: ?Sized + 'static>(cast: fn(&T) -> &I) {
    let cast: Arc<Cast<I>> = Arc::new(move |value: &dyn Any| value.downcast_ref().map(cast));
    let mut cast = Some(Box::new(cast) as Box<dyn Any + Send + Sync>);
    let mut casts = CASTS.write().unwrap_or_else(PoisonError::into_inner);
    if let Entry::Vacant(entry) = casts.entry((TypeId::of::<T>(), TypeId::of::<I>()))
        && let Some(cast) = cast.take()
    {
        entry.insert(cast);
    }
    drop(casts);
}

/// `value` as an `I`, if [`register`] was told that its type is one. For a [`Dyn`](super::Dyn) there is a method; this takes any
/// `&dyn Trait` whose trait has [`Any`] above it: Go's `s, ok := x.(Speaker)` from one interface to another.
///
/// # Examples
/// ```
/// use rt::any;
/// use std::any::Any;
/// use std::fmt::Display;
///
/// trait Shape: Any {}
/// impl Shape for String {}
///
/// any::register::<String, dyn Display>(|text| text);
///
/// let shape: &dyn Shape = &String::from("round");
/// assert_eq!(any::assert_dyn::<dyn Display>(shape).unwrap().to_string(), "round");
/// ```
pub fn assert_dyn<I: ?Sized + 'static>(value: &dyn Any) -> Option<&I> {
    let pair = (value.type_id(), TypeId::of::<I>());
    let casts = CASTS.read().unwrap_or_else(PoisonError::into_inner);
    let cast: Arc<Cast<I>> = casts.get(&pair)?.downcast_ref::<Arc<Cast<I>>>()?.clone();
    drop(casts);
    cast(value)
}
