//! Addresses where nobody listens, and where nobody comes by chance.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// Connections to it are refused until somebody who names it listens there. A socket that is bound, never listens, and is
/// kept to the process's end keeps it from all who take any free port: listeners, and connections that go out.
pub(crate) fn address() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}
