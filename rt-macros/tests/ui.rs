//! What the macros refuse, and how they say it: each file in `ui/` must fail with the text beside it.
//!
//! After a change of a message, `TRYBUILD=overwrite cargo test -p rt-macros --test ui` writes the texts anew: read
//! the difference before it is committed.

#[test]
fn refused() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
