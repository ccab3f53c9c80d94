//! Addresses: from what the user says to what the system wants.

use crate::wait;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};

/// The addresses that `what` stands for. What may be a name is looked up as a call that blocks.
pub(super) fn resolve<A: ToSocketAddrs>(what: A) -> io::Result<Vec<SocketAddr>> {
    let look_up = || what.to_socket_addrs().map(Iterator::collect);
    if may_be_a_name::<A>() { wait::blocking(look_up) } else { look_up() }
}

/// Whether there is text in it. Its type's name is all there is to tell by, for any type may bring
/// addresses; a wrong guess costs no more than a detour.
fn may_be_a_name<A: ToSocketAddrs>() -> bool {
    let name = std::any::type_name::<A>().trim_start_matches('&').trim_start_matches('[');
    !name.starts_with("core::net::") && !name.starts_with("(core::net::")
}

/// The first of the addresses that `what` stands for, to send to.
pub(super) fn first<A: ToSocketAddrs>(what: A) -> io::Result<SocketAddr> {
    resolve(what)?
        .first()
        .copied()
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "no addresses to send data to"))
}

/// Calls `f` with one address after the other until it works, as std does.
pub(super) fn each<T>(
    addresses: &[SocketAddr],
    mut f: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in addresses {
        match f(*address) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(ErrorKind::InvalidInput, "could not resolve to any addresses")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

    #[test]
    fn addresses_are_told_from_names() {
        assert!(!may_be_a_name::<SocketAddr>());
        assert!(!may_be_a_name::<&SocketAddr>());
        assert!(!may_be_a_name::<&&SocketAddrV4>());
        assert!(!may_be_a_name::<SocketAddrV6>());
        assert!(!may_be_a_name::<&[SocketAddr]>());
        assert!(!may_be_a_name::<(IpAddr, u16)>());
        assert!(!may_be_a_name::<&(Ipv4Addr, u16)>());
        assert!(!may_be_a_name::<(Ipv6Addr, u16)>());
        assert!(may_be_a_name::<&str>());
        assert!(may_be_a_name::<String>());
        assert!(may_be_a_name::<(&str, u16)>());
        assert!(may_be_a_name::<(String, u16)>());
    }

    #[test]
    fn one_after_the_other() {
        let addresses = resolve("127.0.0.1:7").unwrap();
        assert_eq!(addresses, [SocketAddr::from(([127, 0, 0, 1], 7))]);
        let two = [addresses[0], SocketAddr::from(([127, 0, 0, 1], 8))];
        let mut tried = Vec::new();
        let found = each(&two, |address| {
            tried.push(address.port());
            if address.port() == 8 { Ok(8) } else { Err(ErrorKind::AddrInUse.into()) }
        });
        assert_eq!(found.unwrap(), 8);
        assert_eq!(tried, [7, 8]);
        let none: io::Result<()> = each(&[], |_| Ok(()));
        assert_eq!(none.unwrap_err().kind(), ErrorKind::InvalidInput);
        let all: io::Result<()> =
            each(&two, |address| Err(io::Error::other(address.port().to_string())));
        assert_eq!(all.unwrap_err().to_string(), "8");
    }
}
