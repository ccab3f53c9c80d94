use rt::any::Dyn;

fn main() {
    let x = Dyn::new(1);
    rt::type_switch! {}
    rt::type_switch! { v = x }
    rt::type_switch! { v = x, bool => {} }
    rt::type_switch! { v := x; bool => {} }
    rt::type_switch! { bool => {} }
}
