//! An interface is a trait object. A `Dyn` is a value of any type, Go's `interface{}`; `type_switch!` asks which it is, of a
//! `Dyn` and of every `dyn Trait` that has `Any` above it. That a type is some other interface, too, is registered.
//!
//! ```text
//! == interfaces: Dyn, assertions, type_switch!
//! woof
//! meow
//! speak
//! 0 params is bool,value is true
//! 1 params is int,value is Dyn(i64)
//! 2 params is string,value is text
//! 3 params student,value is Student("Ann")
//! 0 params *student,value is Student("Bea")
//! 1 params is nil
//! 2 params speaks: woof
//! interface conversion: interface is i32, not bool
//! ```

use rt::any::{self, Dyn};
use rt::type_switch;
use std::panic::catch_unwind;

trait Mammal: Send {
    fn say(&self) -> &'static str;
}

struct Noise(&'static str);
impl Mammal for Noise {
    fn say(&self) -> &'static str {
        self.0
    }
}

#[derive(Debug)]
struct Student(#[expect(dead_code, reason = "printed")] &'static str);

fn just(items: &[Dyn]) {
    for (index, v) in items.iter().enumerate() {
        type_switch! { v = v;
            bool => println!("{index} params is bool,value is {v}"),
            i32 | i64 => println!("{index} params is int,value is {v:?}"),
            &str => println!("{index} params is string,value is {v}"),
            Student => println!("{index} params student,value is {v:?}"),
            Box<Student> => println!("{index} params *student,value is {v:?}"),
            nil => println!("{index} params is nil"),
            dyn Mammal => println!("{index} params speaks: {}", v.say()),
        }
    }
}

pub(crate) fn run() {
    let mammals = ["woof", "meow", "speak"].map(|says| Box::new(Noise(says)) as Box<dyn Mammal>);
    mammals.iter().for_each(|mammal| println!("{}", mammal.say()));
    any::register::<Noise, dyn Mammal>(|noise| noise);
    just(&[Dyn::new(true), Dyn::new(1_i64), Dyn::new("text"), Dyn::new(Student("Ann"))]);
    just(&[Dyn::new(Box::new(Student("Bea"))), Dyn::nil(), Dyn::new(Noise("woof"))]);
    let wrong = catch_unwind(|| *Dyn::new(5).must::<bool>()).unwrap_err();
    println!("{}", wrong.downcast_ref::<String>().unwrap());
}
