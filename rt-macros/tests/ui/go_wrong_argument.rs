fn show(text: String, times: u32) {
    println!("{}", text.repeat(times as usize));
}

fn main() {
    rt::go!(show("a &str".to_string(), "three"));
    rt::go!(show("too few".to_string()));
}
