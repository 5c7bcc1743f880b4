//! The answers of a hand to requests.
//!
//! `franka-rs` would keep every answer, each of up to 16 MB, until its number is asked for. Here a message
//! that is malformed, or that answers no open request, ends the connection.

#![warn(clippy::indexing_slicing)]

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use franka::wire::gripper::GripperCommand;
use franka::wire::{GRIPPER_HEADER_LEN, HeaderLayout};
use franka::{FrankaError, FrankaResult};

/// The length of the longest message of a hand, in bytes. The answer to a connection has 14.
const LONGEST: usize = 64;

/// The command socket of a hand. No call blocks on it.
#[derive(Debug)]
pub(crate) struct Answers {
    socket: TcpStream,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    next: u32,
    /// The requests whose answer was not taken yet, by their numbers, each with its answer if that has
    /// come.
    open: HashMap<u32, Option<Vec<u8>>>,
    /// The bytes of the message that is being received.
    coming: Vec<u8>,
}

impl Answers {
    pub fn on(socket: TcpStream) -> io::Result<Answers> {
        socket.set_nonblocking(true)?;
        Ok(Answers {
            socket,
            asked: Mutex::default(),
        })
    }

    /// Sends a request. Returns the number that its answer will have.
    ///
    /// # Errors
    /// [`FrankaError::Network`] if the system has no room for the request, because the hand does not read.
    pub fn ask(&self, command: GripperCommand, payload: &[u8]) -> FrankaResult<u32> {
        let mut asked = self.asked();
        let id = asked.next;
        asked.next = id.wrapping_add(1);
        let layout = HeaderLayout::Gripper;
        let mut request = layout.encode_header(command.to_u16().into(), id, payload.len());
        request.extend_from_slice(payload);
        (&self.socket).write_all(&request).map_err(network)?;
        asked.open.insert(id, None);
        Ok(id)
    }

    /// Returns the answer to the request with this number, once, if it has come.
    ///
    /// # Errors
    /// [`FrankaError::Network`] if the hand has closed the connection, [`FrankaError::Protocol`] if a
    /// message answers no open request.
    pub fn to(&self, id: u32) -> FrankaResult<Option<Vec<u8>>> {
        let mut asked = self.asked();
        let came = self.take_in(&mut asked);
        if let Some(Some(_)) = asked.open.get(&id) {
            return Ok(asked.open.remove(&id).flatten());
        }
        came.inspect_err(|_| self.end())?;
        Ok(None)
    }

    /// Returns an error if the hand has closed the connection.
    ///
    /// # Errors
    /// See [`Answers::to`].
    pub fn go_on(&self) -> FrankaResult<()> {
        let came = self.take_in(&mut self.asked());
        came.inspect_err(|_| self.end())
    }

    pub fn end(&self) {
        // The hand may have ended the connection already, which is fine.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, asked: &mut Asked) -> FrankaResult<()> {
        // Each round receives the rest of one message, and there are at most as many messages as open
        // requests.
        loop {
            let (id, length) = asked.message()?;
            let had = asked.coming.len();
            if had == length {
                let message = std::mem::take(&mut asked.coming);
                asked.open.insert(id, Some(message));
                continue;
            }
            asked.coming.resize(length, 0);
            let missing = asked.coming.get_mut(had..).unwrap_or_default();
            let read = (&self.socket).read(missing);
            asked
                .coming
                .truncate(had + read.as_ref().map_or(0, |&read| read));
            match read {
                Ok(0) => return Err(network(io::Error::other("it closed the connection"))),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(network(error)),
            }
        }
    }
}

impl Asked {
    /// Returns the number and the length of the message that is being received. While its header is
    /// incomplete, this is the length of a header.
    fn message(&self) -> FrankaResult<(u32, usize)> {
        let Some((_, id, length)) = HeaderLayout::Gripper.decode_header(&self.coming) else {
            return Ok((0, GRIPPER_HEADER_LEN));
        };
        let length = length as usize;
        if !(GRIPPER_HEADER_LEN + 1..=LONGEST).contains(&length) {
            return Err(FrankaError::Protocol(format!(
                "the hand sent a message of {length} bytes; expected {} to {LONGEST}. Check that it is a hand",
                GRIPPER_HEADER_LEN + 1
            )));
        }
        if !matches!(self.open.get(&id), Some(None)) {
            return Err(FrankaError::Protocol(format!(
                "the hand answered request {id}, which has been answered or was never made. Check that \
                 no other host answers at this address"
            )));
        }
        Ok((id, length))
    }
}

fn network(error: io::Error) -> FrankaError {
    FrankaError::Network(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    fn pair() -> (Answers, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Answers::on(near).unwrap(), listener.accept().unwrap().0)
    }

    fn message(id: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = HeaderLayout::Gripper.encode_header(0, id, payload.len());
        bytes.extend_from_slice(payload);
        bytes
    }

    /// Returns the final result of request `id`.
    fn outcome(answers: &Answers, id: u32) -> FrankaResult<Vec<u8>> {
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(message) = answers.to(id)? {
                return Ok(message);
            }
            assert!(Instant::now() < give_up, "nothing came");
        }
    }

    #[test]
    fn answers_are_told_apart_whatever_their_order_and_pieces() {
        let (answers, mut hand) = pair();
        let first = answers.ask(GripperCommand::Move, &[1; 16]).unwrap();
        let second = answers.ask(GripperCommand::Stop, &[]).unwrap();
        let mut asked = [0; GRIPPER_HEADER_LEN * 2 + 16];
        hand.read_exact(&mut asked).unwrap();
        let sent = [message(second, &[2, 0]), message(first, &[1, 0])].concat();
        let (begin, end) = sent.split_at(GRIPPER_HEADER_LEN + 5);
        hand.write_all(begin).unwrap();
        for _ in 0..3 {
            assert_eq!(answers.to(first).unwrap(), None);
        }
        hand.write_all(end).unwrap();
        assert_eq!(outcome(&answers, first).unwrap(), message(first, &[1, 0]));
        assert_eq!(outcome(&answers, second).unwrap(), message(second, &[2, 0]));
        assert_eq!(answers.to(second).unwrap(), None, "once");
    }

    #[test]
    fn what_answers_nothing_that_was_asked_ends_the_connection() {
        let long = message(0, &[0; LONGEST]);
        let huge = HeaderLayout::Gripper.encode_header(0, 0, 16 << 20);
        let twice = [message(0, &[0, 0]), message(0, &[0, 0])].concat();
        for sent in [message(7, &[0, 0]), long, huge, message(0, &[]), twice] {
            let (answers, mut hand) = pair();
            assert_eq!(answers.ask(GripperCommand::Homing, &[]).unwrap(), 0);
            hand.read_exact(&mut [0; GRIPPER_HEADER_LEN]).unwrap();
            hand.write_all(&sent).unwrap();
            let give_up = Instant::now() + Duration::from_secs(20);
            let error = loop {
                if let Err(error) = answers.go_on() {
                    break error;
                }
                assert!(Instant::now() < give_up, "it goes on");
            };
            assert!(matches!(error, FrankaError::Protocol(_)), "{error}");
            assert!(matches!(hand.read(&mut [0]), Ok(0) | Err(_)), "it is open");
        }
    }

    #[test]
    fn an_answer_that_came_before_the_hand_left_is_there() {
        let (answers, mut hand) = pair();
        let id = answers.ask(GripperCommand::Stop, &[]).unwrap();
        hand.read_exact(&mut [0; GRIPPER_HEADER_LEN]).unwrap();
        hand.write_all(&message(id, &[0, 0])).unwrap();
        drop(hand);
        assert_eq!(outcome(&answers, id).unwrap(), message(id, &[0, 0]));
        let gone = answers.go_on().unwrap_err();
        assert!(matches!(gone, FrankaError::Network(_)), "{gone}");
    }
}
