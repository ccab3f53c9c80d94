fn later(_: u32) {}

fn main() {
    rt::defer_call!(later("text"));
    rt::defer_call!(later(1, 2));
    rt::panic::frame(|f| f.defer(|u| *u.result += 1));
}
