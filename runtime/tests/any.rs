//! `Dyn`: assertions and their messages. What `type_switch!` does is tested beside the macro.

use rt::any::{self, Dyn};
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[derive(Debug, PartialEq)]
struct Student(&'static str);

#[track_caller]
fn panics<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it does not panic") };
    payload.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn assertions() {
    let mut x = Dyn::new(Student("Ann"));
    assert!(x.is::<Student>() && !x.is_nil() && !x.is::<&Student>());
    assert_eq!(x.assert::<Student>(), Some(&Student("Ann")));
    assert_eq!(x.assert::<i32>(), None);
    x.assert_mut::<Student>().unwrap().0 = "Bea";
    assert_eq!(*x.must::<Student>(), Student("Bea"));
    assert!(x.type_name().ends_with("any::Student"), "{x:?}");
    assert_eq!(x.dynamic_type(), Some(std::any::TypeId::of::<Student>()));
    let x = x.into::<i32>().unwrap_err();
    assert_eq!(x.into::<Student>().unwrap(), Student("Bea"));
}

#[test]
fn nil_is_of_no_type() {
    for mut nil in [Dyn::nil(), Dyn::default(), Dyn::new(Dyn::nil())] {
        assert!(nil.is_nil() && nil.assert::<()>().is_none() && nil.assert_mut::<i32>().is_none());
        assert_eq!((nil.type_name(), nil.dynamic_type()), ("nil", None));
        assert_eq!(format!("{nil:?}"), "Dyn(nil)");
        assert!(nil.into::<()>().is_err());
    }
}

#[test]
fn the_wrong_type_in_go_words() {
    let x = Dyn::new(1_i32);
    assert_eq!(panics(|| *x.must::<bool>()), "interface conversion: interface is i32, not bool");
    let nil = Dyn::nil();
    assert_eq!(panics(|| *nil.must::<bool>()), "interface conversion: interface is nil, not bool");
    let text = panics(|| x.must_dyn::<dyn Debug>().type_id_of());
    assert_eq!(text, "interface conversion: i32 is not dyn core::fmt::Debug: not registered");
    let text = panics(|| nil.must_dyn::<dyn Debug>().type_id_of());
    assert_eq!(text, "interface conversion: interface is nil, not dyn core::fmt::Debug");
}

trait TypeIdOf {
    fn type_id_of(&self) {}
}
impl TypeIdOf for dyn Debug {}

#[test]
fn interfaces_by_registration() {
    let x = Dyn::new(7_u16);
    assert!(x.assert_dyn::<dyn Display>().is_none());
    any::register::<u16, dyn Display>(|n| n);
    any::register::<u16, dyn Display>(|_| &"never");
    assert_eq!(x.assert_dyn::<dyn Display>().unwrap().to_string(), "7");
    assert_eq!(x.must_dyn::<dyn Display>().to_string(), "7");
    assert!(x.assert_dyn::<dyn Display + Send>().is_none()); // another type
    assert!(Dyn::new(7_u8).assert_dyn::<dyn Display>().is_none());
    assert_eq!(any::assert_dyn::<dyn Display>(&8_u16).unwrap().to_string(), "8");
    let all = (0..8_u32).map(|_| std::thread::spawn(|| any::register::<u32, dyn Display>(|n| n)));
    all.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    assert!(Dyn::new(1_u32).assert_dyn::<dyn Display>().is_some());
}

#[test]
fn sent_and_dropped_once() {
    let counted = Arc::new(());
    let x = Dyn::new(counted.clone());
    let x = std::thread::spawn(move || Dyn::new(x)).join().unwrap();
    assert_eq!(Arc::strong_count(&counted), 2);
    let kept = x.into::<Arc<()>>().unwrap();
    assert_eq!(Arc::strong_count(&kept), 2);
    drop(Dyn::new(kept));
    assert_eq!(Arc::strong_count(&counted), 1);
}
