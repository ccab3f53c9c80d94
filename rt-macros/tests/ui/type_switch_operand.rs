use rt::type_switch;

struct Student;

trait Speak {}

trait Shape: std::any::Any {}

fn generic<T: 'static>(x: T) {
    type_switch! { v = x; i32 => println!("{v}") }
}

fn no_any(x: &dyn Speak) {
    type_switch! { x; Student => {} }
}

fn deep(x: &&&&&dyn Shape) {
    type_switch! { x; Student => {} }
}

fn no_error(x: &dyn std::error::Error) {
    type_switch! { x; Student => {} }
}

fn main() {
    type_switch! { v = 5; i32 => println!("{v}") }
    type_switch! { v = &Some(Student); Student => {} }
    generic(5);
}
