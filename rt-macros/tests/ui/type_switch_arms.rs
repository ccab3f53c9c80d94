use rt::any::Dyn;

fn main() {
    let x = Dyn::new(1);
    rt::type_switch! { v = x; _ => {} bool => {} }
    rt::type_switch! { v = x; bool | _ => {} }
    rt::type_switch! { v = x; bool => {} i32 | bool => {} }
    rt::type_switch! { v = x; i32 if *v > 0 => {} }
    rt::type_switch! { v = x; Some(n) => {} }
    rt::type_switch! { v = x; 5 => {} }
    rt::type_switch! { v = x; bool }
    rt::type_switch! { v = x; bool => }
    rt::type_switch! { v = x; bool => 1 i32 => 2 }
}
