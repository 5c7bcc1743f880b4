//! Where the kernel has no socket filters: whoever sends to a socket is heard.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;

pub(crate) enum Heard {
    Host(Ipv4Addr),
    Socket(SocketAddrV4),
    Nobody,
}

#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub queued: u32,
    pub room: u32,
    pub dropped: u32,
}

pub(crate) fn hear(_socket: &UdpSocket, _heard: Heard) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn has_filter(_socket: &UdpSocket) -> bool {
    false
}

pub(crate) fn takes_datagrams(_socket: &impl AsFd) -> bool {
    false
}

pub(crate) fn memory(_socket: &UdpSocket) -> io::Result<Memory> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn first(_socket: &UdpSocket) -> Option<(usize, SocketAddrV4)> {
    None
}

pub(crate) fn take(_socket: &UdpSocket) -> Option<(usize, SocketAddrV4)> {
    None
}
