//! The first breath.
use std::time::Duration;

#[test]
fn spawn_join() {
    let runtime = rt::Runtime::builder().procs(2).build().unwrap();
    let sum: u64 = runtime.run(|| {
        let handles: Vec<_> = (0..1000_u64).map(|i| rt::spawn(move || { rt::yield_now(); i })).collect();
        handles.into_iter().map(|h| h.join().unwrap()).sum()
    });
    assert_eq!(sum, 499_500);
}

#[test]
fn waitgroup_chan_sleep() {
    let runtime = rt::Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let ch = rt::chan::Chan::new(0);
        let wg = rt::sync::WaitGroup::new();
        for i in 0..10 {
            let tx = ch.clone();
            wg.go(move || { rt::time::sleep(Duration::from_millis(i)); tx.send(i) });
        }
        let mut got: Vec<u64> = (0..10).map(|_| ch.recv().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, (0..10).collect::<Vec<_>>());
        wg.wait();
    });
}

#[test]
fn drop_unwinds_parked() {
    let runtime = rt::Runtime::builder().procs(2).build().unwrap();
    let dropped = std::sync::Arc::new(());
    let handle = runtime.handle();
    for _ in 0..100 {
        let d = dropped.clone();
        handle.spawn(move || { let _d = d; rt::chan::Chan::<()>::nil().recv(); });
    }
    runtime.run(|| rt::time::sleep(Duration::from_millis(10)));
    drop(runtime);
    assert_eq!(std::sync::Arc::strong_count(&dropped), 1);
}
