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
    drop(list);
}
