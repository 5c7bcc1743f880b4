//! A stack for handlers, so that they also run for faults that are an overflow of the ordinary one.

#![allow(
    unsafe_code,
    reason = "the stack of handlers is given by system calls; each use is argued"
)]

use std::cell::RefCell;

const SIZE: usize = 64 * 1024;

/// Memory for handlers, which its thread gives up at its end.
struct Stack(Option<Vec<u8>>);

impl Drop for Stack {
    fn drop(&mut self) {
        if self.0.is_none() {
            return;
        }
        // SAFETY: all-zero bytes are a valid stack_t; the thread that was given the stack has none
        // from here on, before its memory is freed.
        unsafe {
            let mut none: libc::stack_t = std::mem::zeroed();
            none.ss_flags = libc::SS_DISABLE;
            libc::sigaltstack(&raw const none, std::ptr::null_mut());
        }
    }
}

/// Gives the calling thread a stack for handlers, where it has none.
pub fn give_stack() {
    thread_local! {
        static GIVEN: RefCell<Stack> = const { RefCell::new(Stack(None)) };
    }
    GIVEN.with_borrow_mut(|given| {
        if given.0.is_some() {
            return;
        }
        // SAFETY: all-zero bytes are a valid stack_t. The first call writes what there is. The second
        // gives memory that is not moved while the thread lives, and is not used otherwise.
        unsafe {
            let mut stack: libc::stack_t = std::mem::zeroed();
            libc::sigaltstack(std::ptr::null(), &raw mut stack);
            if stack.ss_flags & libc::SS_DISABLE == 0 {
                return;
            }
            let mut memory = vec![0_u8; SIZE];
            stack.ss_sp = memory.as_mut_ptr().cast();
            stack.ss_size = memory.len();
            stack.ss_flags = 0;
            if libc::sigaltstack(&raw const stack, std::ptr::null_mut()) == 0 {
                given.0 = Some(memory);
            }
        }
    });
}
