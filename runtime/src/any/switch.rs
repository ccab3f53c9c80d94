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
//! | `(&&p).__rt_value()` | a `dyn Error` ([`Errors`]) | | anything else ([`Values`]) |
//!
//! A `Box<dyn Trait>` would be an `Any` of its own, and match no arm, ever; hence the peeling, and the error for what is no
//! interface. That a `&dyn Trait` is a `&dyn Any` only the compiler can tell, which knows the trait: so it happens where
//! the macro stands, when the subject is given to the function that `__rt_value` has chosen.

#![forbid(unsafe_code)]

use super::Dyn;
use std::any::Any;
use std::error::Error;
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

type AnyError = dyn Error + 'static;

/// A `dyn Error`: no `Any`, but it can look into itself.
pub trait Errors {
    /// What gives what a subject holds.
    fn __rt_value(&self) -> fn(&AnyError) -> Option<&AnyError>;
}

macro_rules! errors {
    ($($error:ty),*) => {$(
        impl Errors for &Peel<'_, $error> {
            fn __rt_value(&self) -> fn(&AnyError) -> Option<&AnyError> {
                |subject| Some(subject)
            }
        }
    )*};
}

errors!(AnyError, dyn Error + Send + 'static, dyn Error + Send + Sync + 'static);

/// Anything else. Where the macro stands, the subject becomes an `Any`.
pub trait Values {
    /// What gives what a subject holds; None if it is nil.
    fn __rt_value(&self) -> fn(&dyn Any) -> Option<&dyn Any>;
}

impl<T: ?Sized> Values for Peel<'_, T> {
    fn __rt_value(&self) -> fn(&dyn Any) -> Option<&dyn Any> {
        |subject| match subject.downcast_ref::<Dyn>() {
            Some(interface) => interface.value(),
            None => Some(subject),
        }
    }
}

/// What an arm looks into for a `T`.
pub trait Look<'a, T: 'a> {
    /// It, if it is one.
    fn look(self) -> Option<&'a T>;
}

impl<'a, T: Any> Look<'a, T> for Option<&'a dyn Any> {
    fn look(self) -> Option<&'a T> {
        self?.downcast_ref()
    }
}

impl<'a, T: Error + 'static> Look<'a, T> for Option<&'a AnyError> {
    fn look(self) -> Option<&'a T> {
        self?.downcast_ref()
    }
}

/// The value for an arm `T =>`.
pub fn case<'a, T: 'static>(value: impl Look<'a, T>) -> Option<&'a T> {
    value.look()
}

/// The value for an arm `dyn I =>`.
pub fn case_dyn<I: ?Sized + 'static>(value: Option<&dyn Any>) -> Option<&I> {
    super::assert_dyn(value?)
}
