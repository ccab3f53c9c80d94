use rt::any::Dyn;
use rt::type_switch;

fn values(x: Dyn) -> i32 {
    type_switch! { v = x; i32 => *v }
}

fn mixed(x: Dyn) -> i32 {
    type_switch! { v = x; i32 => *v, String => v, _ => 0 }
}

fn many(x: Dyn) -> i64 {
    type_switch! { v = x; i32 | i64 => v + 1, _ => 0 }
}

fn borrowed<'a>(x: Dyn, y: &'a str) -> bool {
    type_switch! { v = x; &'a str => *v == y, _ => false }
}

fn unknown(x: Dyn) {
    type_switch! { x; Teacher => {} }
}

fn main() {}
