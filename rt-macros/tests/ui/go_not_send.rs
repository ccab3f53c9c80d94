use std::rc::Rc;

fn show(text: Rc<str>) {
    println!("{text}");
}

fn main() {
    let text: Rc<str> = "not Send".into();
    rt::go!(show(text));
}
