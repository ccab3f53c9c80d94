//! What `type_switch!` expands to.
//!
//! Its operand is an interface value, by whatever name it goes: a `Dyn`, a `&dyn Trait`, a `Box` of one, a reference to that.
//! The macro cannot see which; the compiler chooses among methods of one name, by what a call has to do to its receiver. A
//! [`Peel`] wraps a reference to the operand. What is looked for first is implemented for more borrows of it. The methods
//! have odd names, for no trait of the user's to have them.
//!
//! | call | first | then | last |
//! |---|---|---|---|
//! | `(&&p).__rt_peel()`, three times | a pointer: what it points to ([`Pointer`]) | | anything else: the same again ([`Plain`]) |
//! | `(&&&p).__rt_subject()` | a `Dyn` ([`Interface`]) | any other type with a size: an error that says what is wrong ([`Concrete`]) | `dyn Trait` ([`Object`]) |
//!
//! A `Box<dyn Trait>` would be an `Any` of its own, and match no arm, ever; hence the peeling, and the error for what is no
//! interface. That a `&dyn Trait` is a `&dyn Any` only the compiler can tell, which knows the trait: so it happens where
//! the macro stands, when the subject is given to [`value`].

#![forbid(unsafe_code)]

use super::Dyn;
use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

/// A reference to the operand, or to what it points to.
#[derive(Debug)]
pub struct Peel<'a, T: ?Sized>(pub &'a T);

/// What points to something.
pub trait Pointer<'a> {
    /// To what.
    type Target: ?Sized;
    /// One layer less.
    fn __rt_peel(&self) -> Peel<'a, Self::Target>;
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<'a, T: ?Sized> Pointer<'a> for &Peel<'a, $pointer> {
            type Target = T;
            fn __rt_peel(&self) -> Peel<'a, T> {
                Peel(&**self.0)
            }
        }
    )*};
}

pointers!(&mut T, Box<T>, Rc<T>, Arc<T>);

/// What a reference refers to outlives the reference.
impl<'a, T: ?Sized> Pointer<'a> for &Peel<'_, &'a T> {
    type Target = T;
    fn __rt_peel(&self) -> Peel<'a, T> {
        Peel(*self.0)
    }
}

/// What does not.
pub trait Plain<'a> {
    /// To what it refers.
    type Target: ?Sized;
    /// The same.
    fn __rt_peel(&self) -> Peel<'a, Self::Target>;
}

impl<'a, T: ?Sized> Plain<'a> for Peel<'a, T> {
    type Target = T;
    fn __rt_peel(&self) -> Peel<'a, T> {
        Peel(self.0)
    }
}

/// A `Dyn`.
pub trait Interface<'a> {
    /// It.
    fn __rt_subject(&self) -> &'a Dyn;
}

impl<'a> Interface<'a> for &&Peel<'a, Dyn> {
    fn __rt_subject(&self) -> &'a Dyn {
        self.0
    }
}

/// What a type switch can look into. The types that can are found without it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no interface value",
    label = "has the type `{Self}`, and no other",
    note = "`type_switch!` looks into a `Dyn`, or a `dyn Trait` behind a pointer"
)]
pub trait InterfaceValue {}

/// Any other type with a size: no interface.
pub trait Concrete<'a, T> {
    /// Never.
    fn __rt_subject(&self) -> &'a Dyn
    where
        T: InterfaceValue;
}

impl<'a, T> Concrete<'a, T> for &Peel<'a, T> {
    fn __rt_subject(&self) -> &'a Dyn
    where
        T: InterfaceValue,
    {
        const { &Dyn::nil() }
    }
}

/// A type without a size: `dyn Trait`.
pub trait Object<'a, T: ?Sized> {
    /// The trait object.
    fn __rt_subject(&self) -> &'a T;
}

impl<'a, T: ?Sized> Object<'a, T> for Peel<'a, T> {
    fn __rt_subject(&self) -> &'a T {
        self.0
    }
}

/// What a subject holds; None if it is nil.
pub fn value(subject: &dyn Any) -> Option<&dyn Any> {
    match subject.downcast_ref::<Dyn>() {
        Some(interface) => interface.value(),
        None => Some(subject),
    }
}

/// The value for an arm `T =>`.
pub fn case<T: Any>(value: Option<&dyn Any>) -> Option<&T> {
    value?.downcast_ref()
}

/// The value for an arm `dyn I =>`.
pub fn case_dyn<I: ?Sized + 'static>(value: Option<&dyn Any>) -> Option<&I> {
    super::assert_dyn(value?)
}
