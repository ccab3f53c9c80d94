//! `type_switch!` at work: which arm is taken, what the name is bound to, and that it compiles without a warning.
#![deny(warnings)]

use std::any::Any;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use rt::any::{self, Dyn};
use rt::type_switch;

#[derive(Debug, Clone, PartialEq)]
struct Student {
    name: &'static str,
}

/// The seed's example of assertions: nothing for what it does not know.
fn just(items: &[Dyn]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, x) in items.iter().enumerate() {
        type_switch! { v = x;
            bool => lines.push(format!("{index} params is bool,value is {v}")),
            i32 | i64 => {
                let value = v.assert::<i32>().map(|v| i64::from(*v)).or(v.assert().copied());
                lines.push(format!("{index} params is int,value is {}", value.unwrap()));
            }
            f32 | f64 => lines.push(format!("{index} params is float,type {}", v.type_name())),
            String => lines.push(format!("{index} params is string,value is {v}")),
            Student => lines.push(format!("{index} params student,value is {}", v.name)),
            Box<Student> => lines.push(format!("{index} params *student,value is {}", v.name)),
        }
    }
    lines
}

#[test]
fn the_first_arm_that_fits() {
    let ann = Student { name: "Ann" };
    let items = [
        Dyn::new(true),
        Dyn::new(1_i32),
        Dyn::new(2_i64),
        Dyn::new(2.5_f32),
        Dyn::new(String::from("s")),
        Dyn::new(ann.clone()),
        Dyn::new(Box::new(ann)),
        Dyn::new('c'),
        Dyn::nil(),
    ];
    assert_eq!(
        just(&items),
        [
            "0 params is bool,value is true",
            "1 params is int,value is 1",
            "2 params is int,value is 2",
            "3 params is float,type f32",
            "4 params is string,value is s",
            "5 params student,value is Ann",
            "6 params *student,value is Ann",
        ]
    );
}

#[test]
fn nil_alone_with_others_and_not_at_all() {
    let which = |x: &Dyn| type_switch! { x; nil => 1, i32 | u32 => 2, _ => 3 };
    assert_eq!([&Dyn::nil(), &Dyn::new(1_u32), &Dyn::new("")].map(which), [1, 2, 3]);
    let which = |x: &Dyn| type_switch! { v = x; nil | i32 => v.is_nil(), _ => unreachable!() };
    assert_eq!([&Dyn::nil(), &Dyn::new(1)].map(which), [true, false]);
    let which = |x: &Dyn| type_switch! { v = x; bool => 0, _ => usize::from(v.is_nil()) };
    assert_eq!([&Dyn::nil(), &Dyn::new(1)].map(which), [1, 0]);
    type_switch! { Dyn::nil(); bool => unreachable!() }
    type_switch! { _ = Dyn::nil(); }
}

/// What `v` is, said by a function that takes nothing else.
fn is<T: ?Sized>(_: &T) -> &'static str {
    std::any::type_name::<T>()
}

trait Shape: Any {
    fn area(&self) -> u32;
}

struct Square(u32);

impl Shape for Square {
    fn area(&self) -> u32 {
        self.0 * self.0
    }
}

struct Dot;

impl Shape for Dot {
    fn area(&self) -> u32 {
        0
    }
}

#[test]
fn what_the_name_is_bound_to() {
    let x = Dyn::new(5_u8);
    assert_eq!(type_switch! { v = x; u8 => is(v), _ => "" }, "u8");
    assert_eq!(type_switch! { v = x; u8 | i8 => is(v), _ => "" }, "rt::any::Dyn");
    assert_eq!(type_switch! { v = x; i8 => "", _ => is(v) }, "rt::any::Dyn");
    let shape: &dyn Shape = &Square(2);
    assert_eq!(type_switch! { v = shape; Square => v.0, _ => 0 }, 2);
    assert_eq!(type_switch! { v = shape; Dot => 0, _ => v.area() }, 4);
    assert_eq!(type_switch! { v = shape; nil | Dot | Square => v.area(), _ => 0 }, 4);
    let name = type_switch! { v = shape; Dot => "", _ => is::<dyn Shape>(v) };
    assert!(name.ends_with("dyn type_switch::Shape"), "{name}");
}

fn sides(shape: &dyn Shape) -> Option<u32> {
    type_switch! { v = shape; Square => Some(v.0), _ => None }
}

fn sides_of_mine<'a>(shape: &'a (dyn Shape + Send + 'a)) -> Option<&'a u32> {
    type_switch! { v = shape; Square => Some(&v.0), _ => None }
}

#[test]
fn by_whatever_name_the_operand_goes() {
    assert_eq!((sides(&Square(3)), sides(&Dot)), (Some(3), None));
    assert_eq!(sides_of_mine(&Square(3)), Some(&3));
    let boxed: Box<dyn Shape> = Box::new(Square(3));
    assert_eq!(type_switch! { v = boxed; Square => v.0, _ => 0 }, 3);
    assert_eq!(type_switch! { v = &boxed; Square => v.0, _ => 0 }, 3);
    assert_eq!(type_switch! { v = &&boxed; Square => v.0, _ => 0 }, 3);
    assert_eq!(type_switch! { v = *boxed; Square => v.0, _ => 0 }, 3);
    let counted: Rc<dyn Shape> = Rc::new(Square(3));
    assert_eq!(type_switch! { v = counted; Square => v.0, _ => 0 }, 3);
    let shared: Arc<dyn Any + Send + Sync> = Arc::new(5);
    assert_eq!(type_switch! { v = shared; i32 => *v, _ => 0 }, 5);
    let any: &dyn Any = &5;
    assert_eq!(type_switch! { v = any; i32 => *v, _ => 0 }, 5);
    let mut x = Dyn::new(5);
    assert_eq!(type_switch! { v = x; i32 => *v, _ => 0 }, 5);
    assert_eq!(type_switch! { v = &x; i32 => *v, _ => 0 }, 5);
    assert_eq!(type_switch! { v = &mut x; i32 => *v, _ => 0 }, 5);
    assert_eq!(type_switch! { v = Box::new(&&x); i32 => *v, _ => 0 }, 5);
    // A `Dyn` that is looked at as an `Any` is still what it holds.
    let any: &dyn Any = &x;
    assert_eq!(type_switch! { v = any; i32 => *v, _ => 0 }, 5);
    let payload = std::panic::catch_unwind(|| panic!("out")).unwrap_err();
    assert_eq!(type_switch! { v = payload; &str => *v, _ => "" }, "out");
}

#[test]
fn evaluated_once_and_borrowed() {
    let mut count = 0;
    let mut make = || {
        count += 1;
        Dyn::new(String::from("made"))
    };
    let length = type_switch! { v = make(); bool | u8 => 0, String => v.len(), _ => 0 };
    assert_eq!((length, count), (4, 1));

    let x = Dyn::new(String::from("kept"));
    let text: &str = type_switch! { v = x; String => v, _ => "" };
    assert_eq!(text, "kept");
    assert!(x.is::<String>());
}

#[test]
fn bodies_belong_to_the_function_around() {
    fn first(items: &[Dyn]) -> Option<u32> {
        for x in items {
            type_switch! { v = x;
                nil => continue,
                bool => break,
                u32 => return Some(*v),
                &str => {
                    let n: u32 = v.parse().ok()?;
                    return Some(n);
                }
            }
        }
        None
    }
    assert_eq!(first(&[Dyn::nil(), Dyn::new(1_u32)]), Some(1));
    assert_eq!(first(&[Dyn::new(true), Dyn::new(1_u32)]), None);
    assert_eq!(first(&[Dyn::new("7")]), Some(7));
    assert_eq!(first(&[Dyn::new("x"), Dyn::new(1_u32)]), None);
}

#[test]
fn names_do_not_meet() {
    let (subject, value, case, operand) = (1, 2, 3, Dyn::new(4));
    let sum = type_switch! { v = operand; i32 => subject + value + case + v, _ => 0 };
    assert_eq!(sum, 10);
    let nil = type_switch! { subject = operand; i32 => *subject, _ => 0 };
    assert_eq!(nil, 4);
    let nested = type_switch! { v = operand;
        i32 => type_switch! { w = Dyn::new(*v); i32 => w + v, _ => 0 },
        _ => 0,
    };
    assert_eq!(nested, 8);
}

trait Speak {
    fn say(&self) -> String;
}

impl Speak for Student {
    fn say(&self) -> String {
        format!("I am {}", self.name)
    }
}

#[test]
fn interfaces_as_arms() {
    any::register::<Student, dyn Speak>(|student| student);
    any::register::<i32, dyn Display>(|n| n);
    let which = |x: &Dyn| {
        type_switch! { v = x;
            dyn Speak => v.say(),
            dyn Display => v.to_string(),
            _ => String::from("?"),
        }
    };
    assert_eq!(which(&Dyn::new(Student { name: "Ann" })), "I am Ann");
    assert_eq!(which(&Dyn::new(7)), "7");
    assert_eq!(which(&Dyn::new(7_i64)), "?"); // not registered
    assert_eq!(which(&Dyn::nil()), "?");
    let both = |x: Dyn| type_switch! { x; dyn Speak | dyn Display => true, _ => false };
    assert!(both(Dyn::new(7)) && !both(Dyn::new(7_u8)));
}

/// Types and bodies that come from another macro.
macro_rules! switch {
    ($x:expr, $one:ty, $body:expr) => {
        type_switch! { v = $x; $one => $body, _ => type_switch! { v; nil => String::new(), _ => v.type_name().into() } }
    };
}

#[test]
fn out_of_other_macros() {
    any::register::<u16, dyn Display>(|n| n);
    let x = Dyn::new(7_u16);
    assert_eq!(switch!(x, u16, "a u16".to_string()), "a u16");
    assert_eq!(switch!(x, dyn Display, "shown".to_string()), "shown");
    assert_eq!(switch!(x, u8, "a u8".to_string()), "u16");
}

fn holds<T: Any>(x: &Dyn) -> bool {
    type_switch! { x; T => true, _ => false }
}

#[test]
fn types_of_all_sorts() {
    assert!(holds::<u8>(&Dyn::new(1_u8)) && !holds::<u8>(&Dyn::new(1)));
    let which = |x: Dyn| {
        type_switch! { v = x;
            (u8, u8) => 1,
            [u8; 2] => 2,
            Vec<Option<u8>> => 3 + v.len(),
            fn() => 5,
            std::string::String => 6,
            () => 7,
            Box<dyn Any> => unreachable!("a Dyn is Send"),
            _ => 0
        }
    };
    let f: fn() = || {};
    assert_eq!(which(Dyn::new((1_u8, 2_u8))), 1);
    assert_eq!(which(Dyn::new([1_u8, 2])), 2);
    assert_eq!(which(Dyn::new(vec![None, Some(1_u8)])), 5);
    assert_eq!(which(Dyn::new(f)), 5);
    assert_eq!(which(Dyn::new(String::new())), 6);
    assert_eq!(which(Dyn::new(())), 7);
    assert_eq!(which(Dyn::new(1)), 0);
}

#[test]
fn errors_of_all_kinds() {
    use std::error::Error;
    use std::fmt::Error as FmtError;
    use std::num::ParseIntError;

    let parse = || "x".parse::<u8>().unwrap_err();
    let plain: &dyn Error = &parse();
    let boxed: Box<dyn Error> = parse().into();
    let sent: Box<dyn Error + Send> = Box::new(parse());
    let shared: Arc<dyn Error + Send + Sync> = Arc::new(FmtError);
    let text: Box<dyn Error + Send + Sync> = "text".into();
    macro_rules! which {
        ($error:expr) => {
            type_switch! { e = $error;
                FmtError => format!("fmt: {e}"),
                ParseIntError => format!("parse: {:?}", e.kind()),
                _ => format!("other: {e}"),
            }
        };
    }
    for parsed in [which!(plain), which!(boxed), which!(&sent)] {
        assert_eq!(parsed, "parse: InvalidDigit");
    }
    assert!(which!(shared).starts_with("fmt: "));
    assert_eq!(which!(text), "other: text");
    let many = type_switch! { e = &boxed;
        nil => 1,
        FmtError | ParseIntError => e.to_string().len(), // e is a `&dyn Error`
        _ => 3,
    };
    assert_eq!(many, parse().to_string().len());
}
