//! Interface values: Go's `any`, its type assertions and its type switch.
//!
//! A [`Dyn`] is a box that knows the type of what is in it, or nil. [`type_switch!`](crate::type_switch) looks at one, or at
//! any `&dyn Trait` whose trait has [`Any`] above it. From one interface to another leads what was registered: Rust keeps no
//! list of who implements what, so the program says it, by [`register`].
//!
//! Like the collections it is of the garden: it depends on `std` alone.

#![forbid(unsafe_code)]

mod registry;
pub(crate) mod switch;

pub use registry::{assert_dyn, register};

use std::any::{Any, TypeId, type_name};
use std::fmt;

/// A value of any type, or nil: what Go calls `any`, or `interface{}`.
///
/// | Go | here |
/// |---|---|
/// | `var x any`, `x == nil` | [`Dyn::nil`], [`is_nil`](Self::is_nil) |
/// | `var x any = v` | [`Dyn::new`] |
/// | `v, ok := x.(T)` | [`assert`](Self::assert), or [`into`](Self::into) to have it |
/// | `v := x.(T)` | [`must`](Self::must) |
/// | `s, ok := x.(Speaker)` | [`assert_dyn`](Self::assert_dyn), after [`register`] |
/// | `switch v := x.(type)` | [`type_switch!`](crate::type_switch) |
/// | `fmt.Printf("%T", x)` | [`type_name`](Self::type_name) |
///
/// It can be sent to other goroutines, not shared with them: what is in it need not be `Sync`.
///
/// # Examples
/// ```
/// use rt::any::Dyn;
///
/// let items = [Dyn::new(1), Dyn::new("two"), Dyn::nil()];
/// assert_eq!(items[0].assert::<i32>(), Some(&1));
/// assert_eq!(items[0].assert::<i64>(), None);
/// assert_eq!(*items[1].must::<&str>(), "two");
/// assert!(items[2].is_nil());
/// ```
#[derive(Default)]
pub struct Dyn(Option<Box<dyn Held>>);

// Nobody knows what is in it; what that is like after a panic is the business of who asks.
impl std::panic::UnwindSafe for Dyn {}
impl std::panic::RefUnwindSafe for Dyn {}

/// What a `Dyn` holds, with its name.
trait Held: Any + Send {
    fn type_name(&self) -> &'static str;
}

impl<T: Any + Send> Held for T {
    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }
}

impl Dyn {
    /// An interface value that holds `value`. An interface value is not put in another: of a `Dyn` it is that one.
    ///
    /// # Examples
    /// ```
    /// use rt::any::Dyn;
    ///
    /// let five = Dyn::new(Dyn::new(5));
    /// assert_eq!(five.assert(), Some(&5));
    /// ```
    pub fn new<T: Any + Send>(value: T) -> Self {
        let mut value = Some(value);
        if let Some(inner) = (&mut value as &mut dyn Any).downcast_mut::<Option<Dyn>>() {
            return inner.take().unwrap_or_default();
        }
        Self(value.map(|value| Box::new(value) as Box<dyn Held>))
    }

    /// The interface value that holds nothing: Go's `nil`.
    ///
    /// # Examples
    /// ```
    /// use rt::any::Dyn;
    ///
    /// assert!(Dyn::nil().is_nil() && !Dyn::new(0).is_nil());
    /// ```
    pub const fn nil() -> Self {
        Self(None)
    }

    /// Whether it holds nothing.
    pub const fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    /// Whether it holds a `T`.
    ///
    /// # Examples
    /// ```
    /// let value = rt::any::Dyn::new(7_u8);
    /// assert!(value.is::<u8>() && !value.is::<u16>());
    /// ```
    pub fn is<T: Any>(&self) -> bool {
        self.value().is_some_and(<dyn Any>::is::<T>)
    }

    /// The value, if it is a `T`. Go's `v, ok := x.(T)`.
    ///
    /// # Examples
    /// ```
    /// use rt::any::Dyn;
    ///
    /// let x = Dyn::new(String::from("text"));
    /// assert_eq!(x.assert::<String>().map(String::len), Some(4));
    /// assert_eq!(x.assert::<&str>(), None); // not the same type
    /// ```
    pub fn assert<T: Any>(&self) -> Option<&T> {
        self.value()?.downcast_ref()
    }

    /// The value, to be changed, if it is a `T`.
    ///
    /// # Examples
    /// ```
    /// use rt::any::Dyn;
    ///
    /// let mut x = Dyn::new(1);
    /// *x.assert_mut::<i32>().unwrap() += 1;
    /// assert_eq!(x.must::<i32>(), &2);
    /// ```
    pub fn assert_mut<T: Any>(&mut self) -> Option<&mut T> {
        let value: &mut dyn Any = &mut **self.0.as_mut()?;
        value.downcast_mut()
    }

    /// The value, which must be a `T`. Go's `x.(T)`.
    ///
    /// # Panics
    /// `interface conversion: interface is X, not Y` if it is not.
    ///
    /// # Examples
    /// ```should_panic
    /// let x = rt::any::Dyn::new(1_i32);
    /// x.must::<bool>(); // interface conversion: interface is i32, not bool
    /// ```
    #[track_caller]
    pub fn must<T: Any>(&self) -> &T {
        match self.assert() {
            Some(value) => value,
            None => wrong_type(self.type_name(), type_name::<T>()),
        }
    }

    /// The value itself, if it is a `T`.
    ///
    /// # Errors
    /// The interface value as it was, if it is not.
    ///
    /// # Examples
    /// ```
    /// use rt::any::Dyn;
    ///
    /// let x = Dyn::new(String::from("text"));
    /// let x = x.into::<i32>().unwrap_err();
    /// assert_eq!(x.into::<String>().unwrap(), "text");
    /// ```
    pub fn into<T: Any>(self) -> Result<T, Dyn> {
        if !self.is::<T>() {
            return Err(self);
        }
        let value = self.0.map(|value| value as Box<dyn Any>);
        match value.map(Box::<dyn Any>::downcast) {
            Some(Ok(value)) => Ok(*value),
            _ => unreachable!("it is a T"),
        }
    }

    /// The value as an `I`, if [`register`] was told that its type is one. Go's `s, ok := x.(Speaker)`.
    ///
    /// # Examples
    /// ```
    /// use rt::any::{self, Dyn};
    /// use std::fmt::Display;
    ///
    /// any::register::<i32, dyn Display>(|n| n);
    /// let x = Dyn::new(5);
    /// assert_eq!(x.assert_dyn::<dyn Display>().unwrap().to_string(), "5");
    /// ```
    pub fn assert_dyn<I: ?Sized + 'static>(&self) -> Option<&I> {
        assert_dyn(self.value()?)
    }

    /// The value as an `I`, which its type must be registered for. Go's `x.(Speaker)`.
    ///
    /// # Panics
    /// `interface conversion: X is not Y: not registered`, or `interface conversion: interface is nil, not Y`.
    ///
    /// # Examples
    /// ```
    /// use rt::any::{self, Dyn};
    /// use std::fmt::Display;
    ///
    /// any::register::<u8, dyn Display>(|n| n);
    /// assert_eq!(Dyn::new(7_u8).must_dyn::<dyn Display>().to_string(), "7");
    /// assert!(std::panic::catch_unwind(|| Dyn::nil().must_dyn::<dyn Display>().to_string()).is_err());
    /// ```
    #[track_caller]
    pub fn must_dyn<I: ?Sized + 'static>(&self) -> &I {
        match self.assert_dyn() {
            Some(value) => value,
            None if self.is_nil() => wrong_type("nil", type_name::<I>()),
            None => not_registered(self.type_name(), type_name::<I>()),
        }
    }

    /// The name of the type of what it holds, as of [`std::any::type_name`]; `nil` if it holds nothing.
    ///
    /// # Examples
    /// ```
    /// use rt::any::Dyn;
    ///
    /// assert_eq!(Dyn::new(1_u8).type_name(), "u8");
    /// assert_eq!(Dyn::nil().type_name(), "nil");
    /// ```
    pub fn type_name(&self) -> &'static str {
        self.0.as_ref().map_or("nil", |value| (**value).type_name())
    }

    /// The type of what it holds.
    ///
    /// # Examples
    /// ```
    /// use rt::any::Dyn;
    /// use std::any::TypeId;
    ///
    /// assert_eq!(Dyn::new(1_u8).dynamic_type(), Some(TypeId::of::<u8>()));
    /// assert_eq!(Dyn::nil().dynamic_type(), None);
    /// ```
    pub fn dynamic_type(&self) -> Option<TypeId> {
        self.value().map(Any::type_id)
    }

    fn value(&self) -> Option<&dyn Any> {
        let value: &dyn Any = &**self.0.as_ref()?;
        Some(value)
    }
}

#[cold]
#[track_caller]
fn wrong_type(is: &str, not: &str) -> ! {
    panic!("interface conversion: interface is {is}, not {not}");
}

#[cold]
#[track_caller]
fn not_registered(is: &str, not: &str) -> ! {
    panic!("interface conversion: {is} is not {not}: not registered");
}

/// Only the type: what it holds need not be `Debug`.
impl fmt::Debug for Dyn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dyn({})", self.type_name())
    }
}
