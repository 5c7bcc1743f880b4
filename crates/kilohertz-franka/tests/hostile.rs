//! Whatever answers in place of an arm, the connection is given up and nothing of it is left. The test has a
//! process of its own, because it counts threads, files and memory.
#![cfg(target_os = "linux")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use franka::model::FR3_URDF;
use franka::wire::robot::v10;
use kilohertz_franka::{Arm, ArmErrorCode, Client, ConnectOptions, Hand, HandOptions};
use zerocopy::IntoBytes;

/// How often each way is tried.
const TRIES: usize = 20;
/// The time limit of an attempt that has to be given up.
const PATIENCE: Duration = Duration::from_millis(50);
/// The time limit of an attempt that fails at once, with room for a loaded machine.
const UNHURRIED: Duration = Duration::from_secs(10);

/// A way to answer a client that has just connected.
type Way = fn(&mut TcpStream);

fn request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = vec![0; 12];
    client.read_exact(&mut request).ok()?;
    let size = u32::from_le_bytes(request[8..].try_into().unwrap()) as usize;
    request.resize(size.clamp(12, 64), 0);
    client.read_exact(&mut request[12..]).ok()?;
    Some(request)
}

/// Returns an answer to a request, with the request's id. The declared length may be another one.
fn answer(id: &[u8], payload: &[u8], length: Option<u32>) -> Vec<u8> {
    let length = length.unwrap_or(12 + payload.len() as u32);
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Answers `Connect` with this payload. The declared length may be another one.
fn connects(client: &mut TcpStream, payload: &[u8], length: Option<u32>) -> Option<u16> {
    let request = request(client)?;
    client
        .write_all(&answer(&request[4..8], payload, length))
        .ok()?;
    Some(u16::from_le_bytes([request[14], request[15]]))
}

/// Lets the client in as an FR3, and serves this model.
fn serves(client: &mut TcpStream, model: &[u8]) {
    begins_to_serve(client, model, None);
}

/// The same, with another declared length.
fn begins_to_serve(client: &mut TcpStream, model: &[u8], length: Option<u32>) {
    let Some(port) = connects(client, &[0, 10, 0], None) else {
        return;
    };
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let state = v10::RobotState {
        message_id: 1.into(),
        ..v10::RobotState::default()
    };
    let _ = udp.send_to(state.as_bytes(), ("127.0.0.1", port));
    if let Some(request) = request(client) {
        let payload = [&[0], model].concat();
        let _ = client.write_all(&answer(&request[4..8], &payload, length));
    }
}

/// Sends so many pieces of 64 kB, from memory that does not count as this process's own.
fn floods(client: &mut TcpStream, pieces: usize) {
    static PIECE: [u8; 1 << 16] = [0; 1 << 16];
    for _ in 0..pieces {
        if client.write_all(&PIECE).is_err() {
            return;
        }
    }
}

/// Waits until the client has left.
fn stay(client: &mut TcpStream) {
    let mut rest = [0; 4096];
    while matches!(client.read(&mut rest), Ok(1..)) {}
}

fn with_limit(limit: &str) -> String {
    let own = r#"lower="-2.750100" upper="2.75010""#;
    assert!(FR3_URDF.contains(own));
    FR3_URDF.replacen(own, limit, 1)
}

const PROTOCOL: &[ArmErrorCode] = &[ArmErrorCode::Protocol];
const TIMEOUT: &[ArmErrorCode] = &[ArmErrorCode::ConnectTimeout];
const FAILED: &[ArmErrorCode] = &[ArmErrorCode::ConnectFailed];
const VERSION: &[ArmErrorCode] = &[ArmErrorCode::IncompatibleVersion];

/// Each way to answer, and the errors that it may result in.
const WAYS: &[(&str, Way, &[ArmErrorCode])] = &[
    ("silent", stay, TIMEOUT),
    (
        "closes half-way",
        |client| drop(client.shutdown(Shutdown::Write)),
        FAILED,
    ),
    (
        "half a header",
        |client| {
            drop(client.write_all(&[0; 6]));
            stay(client);
        },
        TIMEOUT,
    ),
    (
        "an oversized length",
        |client| {
            connects(client, &[0, 10, 0], Some(u32::MAX));
        },
        PROTOCOL,
    ),
    (
        "an undersized length",
        |client| {
            connects(client, &[0, 10, 0], Some(3));
        },
        PROTOCOL,
    ),
    (
        "16 MB",
        |client| {
            connects(client, &[], Some(16 << 20));
            floods(client, 256);
        },
        PROTOCOL,
    ),
    (
        "zeros",
        |client| {
            let _ = client.write_all(&[0; 4096]);
            stay(client);
        },
        PROTOCOL,
    ),
    (
        "a trickle",
        |client| {
            let Some(request) = request(client) else {
                return;
            };
            for byte in answer(&request[4..8], &[0, 10, 0], None) {
                if client.write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(MS * 15);
            }
            stay(client);
        },
        TIMEOUT,
    ),
    (
        // What the client has sent is not read. So closing resets the connection.
        "a reset",
        |client| while client.peek(&mut [0]).is_err() {},
        FAILED,
    ),
    (
        "a bad status",
        |client| {
            connects(client, &[77, 10, 0], None);
        },
        PROTOCOL,
    ),
    (
        "another version",
        |client| {
            connects(client, &[1, 9, 0], None);
        },
        VERSION,
    ),
    (
        "no UDP",
        |client| {
            connects(client, &[0, 10, 0], None);
            stay(client);
        },
        TIMEOUT,
    ),
    (
        "no URDF",
        |client| {
            serves(client, &[]);
            stay(client);
        },
        PROTOCOL,
    ),
    (
        "garbage",
        |client| {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        },
        PROTOCOL,
    ),
    (
        "a binary URDF",
        |client| serves(client, &[0xff, 0, 0x80].repeat(1000)),
        PROTOCOL,
    ),
    (
        "a deep URDF",
        |client| serves(client, "<a>".repeat(60_000).as_bytes()),
        PROTOCOL,
    ),
    (
        "a huge URDF",
        |client| {
            begins_to_serve(client, &[], Some(8 << 20));
            floods(client, 128);
        },
        PROTOCOL,
    ),
    (
        "a URDF without limits",
        |client| serves(client, with_limit(r#"lower="-inf" upper="NaN""#).as_bytes()),
        PROTOCOL,
    ),
    (
        "a URDF with swapped limits",
        |client| serves(client, with_limit(r#"lower="2.7" upper="-2.7""#).as_bytes()),
        PROTOCOL,
    ),
    (
        "replies with other ids",
        |client| {
            request(client);
            let reply = answer(&[9, 9, 9, 9], &[0, 10, 0], None);
            while client.write_all(&reply).is_ok() {}
        },
        PROTOCOL,
    ),
];

/// A server that answers every client in one way until it is dropped.
struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    fn start(address: SocketAddr, way: Way) -> Server {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let serve = move || {
            while let Ok((mut client, _)) = listener.accept() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                let patience = Some(UNHURRIED);
                client.set_read_timeout(patience).unwrap();
                client.set_write_timeout(patience).unwrap();
                way(&mut client);
            }
        };
        let thread = thread::Builder::new().name("hostile".to_owned());
        Server {
            address,
            over,
            thread: Some(thread.spawn(serve).unwrap()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Returns the number of threads and of open files of this process.
fn held() -> (usize, usize) {
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// Resident memory in kB.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

/// Returns true if a thread has a realtime priority.
fn is_raised() -> bool {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let mut stats = threads.filter_map(|of| std::fs::read_to_string(of.path().join("stat")).ok());
    stats.any(|stat| {
        // The name may contain blanks and ends with the last parenthesis. The priority is 16 fields later.
        let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let priority = after.split_whitespace().nth(15);
        priority.is_some_and(|priority| priority.starts_with('-'))
    })
}

/// Tries each way [`TRIES`] times, and checks after each that nothing is left. `connect` must not succeed.
fn nothing_is_left(
    at: impl Fn() -> SocketAddr,
    connect: impl Fn(SocketAddr, &str, &[ArmErrorCode]),
) {
    for (name, way, codes) in WAYS {
        let server = Server::start(at(), *way);
        let attempt = || connect(server.address, name, codes);
        let before = held();
        // The first attempt allocates what is allocated only once.
        attempt();
        let memory_before = memory();
        for _ in 0..TRIES {
            attempt();
            let raised_until = Instant::now() + Duration::from_millis(100);
            while is_raised() {
                assert!(Instant::now() < raised_until, "{name}: a thread is raised");
            }
        }
        eventually(name, || held() <= before);
        let grown = memory().saturating_sub(memory_before);
        assert!(grown < 1024, "{name}: {grown} kB more");
        drop(server);
    }
}

fn arm_refused(client: Client, timeout: Duration, address: SocketAddr) -> ArmErrorCode {
    let options = ConnectOptions {
        timeout,
        client,
        ..ConnectOptions::default()
    };
    let refused = Arm::connect(&address.to_string(), &options);
    refused.err().expect("connected").code
}

#[test]
fn a_connection_that_is_given_up_is_ended_whatever_answered() {
    let here = || SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    nothing_is_left(here, |address, name, codes| {
        let timeout = if codes == TIMEOUT {
            PATIENCE
        } else {
            UNHURRIED
        };
        let code = arm_refused(Client::FrankaRs, timeout, address);
        assert!(codes.contains(&code), "{name}: {code:?}");
    });
    // `libfranka-rs` only connects to a FER. The expected error depends on that.
    #[cfg(feature = "libfranka-rs")]
    nothing_is_left(
        || (own_host(), 1337).into(),
        |address, _, _| {
            arm_refused(Client::LibfrankaRs, PATIENCE, address);
        },
    );
    nothing_is_left(here, |address, name, _| {
        let options = HandOptions {
            timeout: PATIENCE,
            port: Some(address.port()),
            ..HandOptions::default()
        };
        assert!(Hand::connect("127.0.0.1", &options).is_err(), "{name}");
    });
    // After all that a connection to an arm succeeds, for each form of its address.
    let simulator = start(Rig::Fr3, kilohertz_sim::SimulatorOptions::default());
    let port = simulator.address().port();
    for host in ["0.0.0.0", "127.1", "localhost"] {
        let arm = Arm::connect(&format!("{host}:{port}"), &ConnectOptions::default()).unwrap();
        arm.state().unwrap();
    }
}
