//! The examples that compute: `skynet` and `sieve`.

use super::{LIMIT, command, output_until, printed, run, source, stdout, text, to_a_full_disk};

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

#[test]
fn sieve_prints_what_its_head_says() {
    assert_eq!(stdout("sieve", &[]), printed(&source("sieve.rs")).1);
}

#[test]
fn sieve_finds_as_many_primes_as_asked() {
    let is_prime = |n: &u32| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    for count in [1, 2, 300] {
        let primes: Vec<u32> = (2..).filter(is_prime).take(count).collect();
        let printed = stdout("sieve", &[&count.to_string()]);
        let printed: Vec<u32> = printed.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(printed, primes);
    }
}

#[test]
fn sieve_refuses_what_is_not_a_number_of_primes() {
    for arguments in [&["0"][..], &["-1"], &["x"], &[""], &["10001"], &["1", "2"]] {
        let output = run("sieve", arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        let usage = b"usage: sieve [HOW_MANY], a number from 1 to 10000\n";
        assert_eq!(output.stderr, usage);
    }
}

/// With the output the whole chain ends, from wherever its goroutines are.
#[test]
fn sieve_stops_when_its_output_is_closed_and_says_when_it_is_full() {
    let mut command = command("sieve", &["10000"]);
    for procs in ["1", "2"] {
        let closed = output_until(command.env("RT_PROCS", procs), 200, LIMIT);
        assert!(text(closed.stdout).ends_with("\n1223\n"));
        assert_eq!((closed.status.code(), text(closed.stderr)), (Some(0), String::new()));
    }
    let full = to_a_full_disk(&mut command);
    assert_eq!(full.status.code(), Some(2));
    let message = "sieve: standard output: No space left on device (os error 28)\n";
    assert_eq!(text(full.stderr), message);
}
