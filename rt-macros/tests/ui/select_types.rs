use rt::chan::{self, Chan};

fn main() {
    let ch: Chan<u32> = Chan::new(1);
    let (tx, rx) = chan::bounded::<u32>(1);
    let mut slot = Some(1);
    rt::select! { send(ch, "a string") => {} }
    rt::select! { send_from(tx, slot) => {} }
    rt::select! { send_from(tx, &slot) => {} }
    rt::select! { send_from(tx, &mut Some("a string")) => {} }
    rt::select! { recv(ch) => {} default(10) => {} }
    let _: u32 = rt::select! {
        recv(ch) -> v => v,
        default => 0,
    };
    let _ = rt::select! {
        recv(ch) -> v => v,
        default => "nothing",
    };
    rt::select! { recv(ch) -> (a, b) => {} }
    rt::select! { recv(ch) -> v => v }
    rt::select! { recv(rx) -> Ok(n) | Err(_) => println!("{n}") }
    slot = None;
}
