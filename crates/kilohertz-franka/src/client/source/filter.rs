//! Restricts what a UDP socket receives with a classic socket filter in the kernel, by the sender of a
//! datagram. What the filter drops never reaches the code that reads the socket, and the kernel counts it.
//!
//! A filter has no state and needs no privilege. It sees the datagram from the UDP header on, and the IP
//! header through [`NETWORK_HEADER`]. It supports only IPv4, because the clients bind IPv4 sockets.

#![warn(clippy::indexing_slicing)]
#![allow(
    unsafe_code,
    reason = "socket options and reading without blocking are system calls; each use is argued"
)]

use std::io;
use std::mem::{size_of_val, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use libc::{c_int, socklen_t};
use socket2::SockRef;

/// The senders whose datagrams a socket accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// Datagrams of one host, from any port.
    Host(Ipv4Addr),
    /// Datagrams of one socket.
    Socket(SocketAddrV4),
    /// No datagram. Datagrams that are already queued stay.
    Nobody,
}

/// Where a load from the IP header begins.
const NETWORK_HEADER: u32 = libc::SKF_NET_OFF as u32;
/// The offset of the sender's address in the IP header, and of its port in the UDP header.
const SOURCE_ADDRESS: u32 = NETWORK_HEADER.wrapping_add(12);
const SOURCE_PORT: u32 = 0;

const LOAD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
const JUMP_IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
/// A filter returns how many bytes of the datagram are kept.
const ALL: u32 = u32::MAX;
const NONE: u32 = 0;

/// The slots of the numbers in the kernel's answer to [`memory`]; the count of drops is the last slot.
const QUEUED: usize = libc::SK_MEMINFO_RMEM_ALLOC as usize;
const ROOM: usize = libc::SK_MEMINFO_RCVBUF as usize;
const DROPPED: usize = libc::SK_MEMINFO_DROPS as usize;
const MEMORY_SLOTS: usize = DROPPED + 1;

/// Accepts only datagrams of `accepted` from now on. Datagrams that are already queued stay.
pub(crate) fn hear(socket: &UdpSocket, accepted: Accepted) -> io::Result<()> {
    let step = |code: u32, k: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    };
    // Skips the next instruction if the value is equal.
    let unless = |k: u32| libc::sock_filter {
        jt: 1,
        ..step(JUMP_IF_EQUAL, k)
    };
    let host = |ip: Ipv4Addr| {
        [
            step(LOAD_WORD, SOURCE_ADDRESS),
            unless(ip.to_bits()),
            step(RETURN, NONE),
        ]
    };
    let mut program = match accepted {
        Accepted::Nobody => vec![step(RETURN, NONE)],
        Accepted::Host(ip) => host(ip).to_vec(),
        Accepted::Socket(source) => {
            let port = u32::from(source.port());
            let port = [
                step(LOAD_HALF, SOURCE_PORT),
                unless(port),
                step(RETURN, NONE),
            ];
            [host(*source.ip()), port].concat()
        }
    };
    program.push(step(RETURN, ALL));
    SockRef::from(socket).attach_filter(&program)
}

/// Returns true if a socket has a filter already.
#[cfg(any(test, feature = "libfranka-rs"))]
pub(crate) fn has_filter(socket: &UdpSocket) -> bool {
    let mut instructions: socklen_t = 0;
    // SAFETY: asked with a length of 0, the call writes the number of instructions to it, and nothing to
    // the value, whose pointer is null.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_GET_FILTER,
            std::ptr::null_mut(),
            &raw mut instructions,
        )
    };
    result == 0 && instructions > 0
}

/// What the kernel reports about a socket's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The bytes that the queue takes up, including the kernel's overhead for each datagram.
    pub queued: u32,
    /// The bytes that the queue may take up.
    pub room: u32,
    /// Datagrams dropped since the socket was made: by its filter, or because there was no room. Wraps.
    pub dropped: u32,
}

/// Returns the present state of a socket's queue. Needs no privilege.
pub(crate) fn memory(socket: &UdpSocket) -> io::Result<Memory> {
    let mut slots = [0_u32; MEMORY_SLOTS];
    let mut length = size_of_val(&slots) as socklen_t;
    // SAFETY: the call writes as many bytes as `length` says at most, which is what `slots` has.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            slots.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    if length as usize != size_of_val(&slots) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(Memory {
        queued: slots[QUEUED],
        room: slots[ROOM],
        dropped: slots[DROPPED],
    })
}

/// Returns the length and the sender of the first queued datagram, and leaves it in the queue.
#[cfg(any(test, feature = "libfranka-rs"))]
pub(crate) fn first(socket: &UdpSocket) -> Option<(usize, SocketAddrV4)> {
    received(socket, libc::MSG_PEEK)
}

/// Returns the length and the sender of the first queued datagram, and removes it from the queue.
pub(crate) fn take(socket: &UdpSocket) -> Option<(usize, SocketAddrV4)> {
    received(socket, 0)
}

fn received(socket: &UdpSocket, how: c_int) -> Option<(usize, SocketAddrV4)> {
    // Whether the socket blocks, and its timeout, are its owner's choice, so this call does not rely on
    // them.
    let how = how | libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    let mut byte = 0_u8;
    // SAFETY: all-zero bytes are a valid address.
    let mut from: libc::sockaddr_in = unsafe { zeroed() };
    let mut length = size_of_val(&from) as socklen_t;
    // SAFETY: the call writes at most one byte to `byte`, and at most `length` bytes to `from`, which is
    // its size.
    let result = unsafe {
        libc::recvfrom(
            socket.as_raw_fd(),
            (&raw mut byte).cast(),
            1,
            how,
            (&raw mut from).cast(),
            &raw mut length,
        )
    };
    let result = usize::try_from(result).ok()?;
    let ip = Ipv4Addr::from_bits(u32::from_be(from.sin_addr.s_addr));
    Some((result, SocketAddrV4::new(ip, u16::from_be(from.sin_port))))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn socket(ip: [u8; 4]) -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind((Ipv4Addr::from(ip), 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        (socket, SocketAddrV4::new(ip.into(), port))
    }

    /// Returns what a socket that accepts `accepted` receives if each of `senders` sends one byte, and how
    /// many are dropped.
    fn gets(accepted: Option<Accepted>, senders: &[&UdpSocket]) -> (Vec<u8>, u32) {
        let listening = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        listening
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        if let Some(accepted) = accepted {
            hear(&listening, accepted).unwrap();
            assert!(has_filter(&listening));
        } else {
            assert!(!has_filter(&listening));
        }
        let port = listening.local_addr().unwrap().port();
        for (nth, sender) in senders.iter().enumerate() {
            sender
                .send_to(&[nth as u8], (Ipv4Addr::LOCALHOST, port))
                .unwrap();
        }
        let give_up = Instant::now() + Duration::from_secs(20);
        let mut got = Vec::new();
        loop {
            let mut byte = [0];
            if listening.recv_from(&mut byte).is_ok() {
                got.push(byte[0]);
            }
            let dropped = memory(&listening).unwrap().dropped;
            if got.len() + dropped as usize == senders.len() {
                return (got, dropped);
            }
            assert!(Instant::now() < give_up, "{got:?}, {dropped} dropped");
        }
    }

    #[test]
    fn only_whom_it_is_to_hear_is_heard_and_the_others_are_counted() {
        let (arm, at) = socket([127, 0, 0, 1]);
        let (beside, _) = socket([127, 0, 0, 1]);
        let (elsewhere, other) = socket([127, 0, 0, 9]);
        let senders = [&arm, &beside, &elsewhere];
        for (heard, got) in [
            (None, vec![0, 1, 2]),
            (Some(Accepted::Host(*at.ip())), vec![0, 1]),
            (Some(Accepted::Host(*other.ip())), vec![2]),
            (Some(Accepted::Socket(at)), vec![0]),
            (Some(Accepted::Socket(other)), vec![2]),
            (Some(Accepted::Nobody), vec![]),
        ] {
            let dropped = (senders.len() - got.len()) as u32;
            assert_eq!(gets(heard, &senders), (got, dropped), "{heard:?}");
        }
    }

    #[test]
    fn a_datagram_is_looked_at_without_being_taken() {
        let (arm, at) = socket([127, 0, 0, 1]);
        let (listening, to) = socket([127, 0, 0, 1]);
        assert_eq!(first(&listening), None);
        arm.send_to(&[7; 300], to).unwrap();
        assert_eq!(first(&listening), Some((300, at)));
        assert!(memory(&listening).unwrap().queued > 0);
        assert_eq!(take(&listening), Some((300, at)));
        assert_eq!(take(&listening), None);
        assert_eq!(memory(&listening).unwrap().queued, 0);
    }
}
