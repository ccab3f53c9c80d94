#[rt::main]
pub(crate) fn start(n: u32) -> Result<u32, std::fmt::Error> {
    Ok(n)
}

fn main() -> Result<(), std::fmt::Error> {
    let _: u32 = start(1)?;
    Ok(())
}
