fn later(_: u32) {}

fn main() {
    let list = vec![1];
    rt::defer_call!();
    rt::defer_call!(1 + 2);
    rt::defer_call!(later);
    rt::defer_call!(later(1); later(2));
    rt::defer_call!(|| later(1));
    rt::defer_call!({ later(1) });
    rt::defer_call!(vec![1]);
    rt::defer_call!(#[inline] later(1));
    rt::defer_call!(f => );
    rt::defer!();
    rt::defer!(later);
    rt::defer!(crate::later);
    rt::defer!(|x: u32| later(x));
    rt::defer!(move |x: u32| later(x));
    rt::defer!({ |x: u32| later(x) });
    rt::defer! { async { later(1) } }
    rt::defer! { async move { later(1) } }
    drop(list);
}
