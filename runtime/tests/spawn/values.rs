//! What comes back from a goroutine: its value, or what it panicked with.

use crate::common::{self, fail, panic_text, runtime};
use std::io::{self, ErrorKind::Other, ErrorKind::TimedOut};
use std::time::Duration;

#[test]
fn values_of_all_sizes_come_back() {
    let _t = common::test();
    #[repr(align(256))]
    #[derive(Debug, PartialEq)]
    struct Aligned([u8; 3]);
    #[derive(Debug, PartialEq)]
    struct Nothing;
    for procs in [1, 2] {
        runtime(procs).run(|| {
            rt::spawn(|| ()).join().unwrap();
            assert_eq!(rt::spawn(|| Nothing).join().unwrap(), Nothing);
            assert_eq!(rt::spawn(|| 1_u8).join().unwrap(), 1);
            assert_eq!(rt::spawn(|| "text".to_owned()).join().unwrap(), "text");
            let value = rt::spawn(|| Aligned([1, 2, 3])).join().unwrap();
            assert_eq!(value, Aligned([1, 2, 3]));
            assert_eq!((&raw const value).addr() % 256, 0);
            let big = [7_u64; 512];
            let sum = rt::spawn(move || big.iter().sum::<u64>());
            assert_eq!(sum.join().unwrap(), 7 * 512);
            let aligned = Aligned([4, 5, 6]);
            let inside = rt::spawn(move || ((&raw const aligned).addr() % 256, aligned.0));
            assert_eq!(inside.join().unwrap(), (0, [4, 5, 6]));
            let huge = rt::spawn(|| [3_u8; 16 << 10]).join().unwrap();
            assert!(huge.iter().all(|&b| b == 3));
        });
    }
}

#[test]
fn panics_come_with_their_payload() {
    let _t = common::test();
    #[derive(Debug, PartialEq)]
    struct Custom(u32);
    let error = |result: Result<(), rt::JoinError>| {
        let error = result.unwrap_err();
        assert!(
            error.is_panic()
                && !error.is_cancelled()
                && !error.is_timeout()
                && !error.is_resource()
        );
        error
    };
    runtime(2).run(|| {
        let text = error(rt::spawn(|| fail("literal")).join());
        assert_eq!(text.to_string(), "the goroutine panicked: literal");
        assert_eq!(format!("{text:?}"), "JoinError::Panic(\"literal\")");
        assert_eq!(text.into_panic().downcast_ref::<&str>(), Some(&"literal"));
        let string = error(rt::spawn(|| fail(format!("no {}", 7))).join());
        assert_eq!(string.to_string(), "the goroutine panicked: no 7");
        assert_eq!(string.into_panic().downcast_ref::<String>().unwrap(), "no 7");
        let custom = error(rt::spawn(|| fail(Custom(9))).join());
        assert_eq!(custom.to_string(), "the goroutine panicked");
        assert_eq!(*custom.into_panic().downcast::<Custom>().unwrap(), Custom(9));
        // After one carrier has seen them all, it runs on.
        assert_eq!(rt::spawn(|| 1).join().unwrap(), 1);
    });
}

#[test]
fn into_panic_of_another_error_panics() {
    let _t = common::test();
    let text = runtime(1).run(|| {
        let error = rt::spawn(|| rt::task::exit()).join().unwrap_err();
        panic_text(|| error.into_panic())
    });
    assert_eq!(text, "JoinError::into_panic: the goroutine was cancelled");
}

/// For `?` where errors are those of files and sockets.
#[test]
fn errors_of_joins_become_errors_of_io() {
    fn join<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        Ok(rt::spawn(f).join()?)
    }
    let _t = common::test();
    runtime(1).run(|| {
        assert_eq!(join(|| 7).unwrap(), 7);
        let error = join(|| fail("no")).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (Other, "the goroutine panicked: no")
        );
        let payload = error.downcast::<rt::JoinError>().unwrap().into_panic();
        assert_eq!(common::text_of(&*payload), "no");
        assert_eq!(join(|| rt::task::exit()).unwrap_err().kind(), Other);

        let waits = rt::spawn(|| rt::chan::never::<()>().recv());
        let late = io::Error::from(waits.join_timeout(Duration::ZERO).unwrap_err());
        assert_eq!(late.kind(), TimedOut);
        let (ctx, _cancel) = rt::context::Context::background().with_timeout(Duration::ZERO);
        let late = io::Error::from(waits.join_ctx(&ctx).unwrap_err());
        assert_eq!(
            (late.kind(), late.to_string().as_str()),
            (TimedOut, "context deadline exceeded")
        );
        waits.abort();
    });
}
