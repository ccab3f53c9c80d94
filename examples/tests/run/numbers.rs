//! `skynet`.

use super::{run, stdout};

#[test]
fn skynet_adds_up() {
    for (arguments, sum) in [
        (&["1000", "3"][..], "sum 499,500 in "),
        (&["12345"], "sum 76,193,340 in "),
        (&["1"], "sum 0 in "),
    ] {
        let output = stdout("skynet", arguments);
        let repeats = arguments.get(1).map_or(1, |repeats| repeats.parse().unwrap());
        assert_eq!(output.matches(sum).count(), repeats, "{output}");
        assert!(output.contains("peak memory"), "{output}");
    }
    assert!(stdout("skynet", &["1000"]).starts_with("1,000 leaves, 1,111 goroutines\n"));
    for arguments in [&["0"][..], &["x"], &["1", "0"], &["1", "1", "1"]] {
        assert_eq!(run("skynet", arguments).status.code(), Some(2));
    }
}
