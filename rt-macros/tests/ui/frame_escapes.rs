use rt::panic::{Frame, Unwind, frame};

fn main() {
    let mut kept: Option<&mut Frame<'_, ()>> = None;
    frame(|f| kept = Some(f));
    let mut seen: Option<&mut Unwind<'_, ()>> = None;
    frame(|f| f.defer(|u| seen = Some(u)));
}
