//! The cases of a select, used otherwise than `select!` uses them: a value is still dropped once.

mod common;

use common::Tally;
use rt::__private::{Wait, recv_case, select, send_case, send_from_case};
use rt::chan::Chan;

#[test]
fn a_case_that_has_happened_does_not_happen_again() {
    let _t = common::test();
    let tally = Tally::default();
    let ch = Chan::new(2);
    let mut sends = send_case(&ch, tally.token());
    assert_eq!(select([sends.arm()], false, Wait::Never), Some(0));
    assert_eq!(select([sends.arm()], false, Wait::Never), None);
    let mut slot = Some(tally.token());
    let mut sends_from = send_from_case(&ch, &mut slot);
    assert_eq!(select([sends_from.arm()], false, Wait::Never), Some(0));
    assert_eq!(select([sends_from.arm()], false, Wait::Never), None);
    sends.finish();
    sends_from.finish();
    assert!(slot.is_none());
    assert_eq!(ch.len(), 2);
    let mut receives = recv_case(&ch);
    assert_eq!(select([receives.arm()], false, Wait::Never), Some(0));
    assert_eq!(select([receives.arm()], false, Wait::Never), None);
    assert!(receives.finish().is_some());
    assert_eq!((ch.len(), tally.dropped()), (1, 1));
    drop(ch);
    tally.assert_all_dropped();
}

#[test]
fn a_case_that_is_dropped_drops_or_gives_back_what_it_has() {
    let _t = common::test();
    let tally = Tally::default();
    let ch = Chan::new(1);
    // Not sent: dropped, or back in its slot.
    drop(send_case(&ch, tally.token()));
    tally.assert_all_dropped();
    let mut slot = Some(tally.token());
    drop(send_from_case(&ch, &mut slot));
    assert!(slot.is_some());
    // Sent.
    let mut sends_from = send_from_case(&ch, &mut slot);
    assert!(select([sends_from.arm()], false, Wait::Never).is_some());
    drop(sends_from);
    assert!(slot.is_none());
    assert_eq!(tally.made() - tally.dropped(), 1);
    // Received.
    let mut receives = recv_case(&ch);
    assert!(select([receives.arm()], false, Wait::Never).is_some());
    assert_eq!(tally.made() - tally.dropped(), 1);
    drop(receives);
    tally.assert_all_dropped();
}

/// What was sent is not in the slot, even if nobody looks after the case.
#[test]
fn a_case_that_is_forgotten_leaves_no_second_value() {
    let _t = common::test();
    let tally = Tally::default();
    let ch = Chan::new(1);
    let mut slot = Some(tally.token());
    let mut sends_from = send_from_case(&ch, &mut slot);
    assert!(select([sends_from.arm()], false, Wait::Never).is_some());
    let _forgotten = std::mem::ManuallyDrop::new(sends_from);
    assert!(slot.is_none());
    drop(ch);
    tally.assert_all_dropped();
}
