//! A stack for handlers, so that they also run after an overflow of the ordinary stack.

#![allow(
    unsafe_code,
    reason = "the stack of handlers is given by system calls; each use is argued"
)]

use std::cell::RefCell;

const SIZE: usize = 64 * 1024;

/// The memory of a handler stack, which its thread frees when it ends.
struct Stack(Option<Vec<u8>>);

impl Drop for Stack {
    fn drop(&mut self) {
        if self.0.is_none() {
            return;
        }
        // SAFETY: all-zero bytes are a valid stack_t. This removes the stack from its thread before the
        // memory is freed.
        unsafe {
            let mut none: libc::stack_t = std::mem::zeroed();
            none.ss_flags = libc::SS_DISABLE;
            libc::sigaltstack(&raw const none, std::ptr::null_mut());
        }
    }
}

/// Gives the calling thread a stack for handlers, if it has none.
pub fn give_stack() {
    thread_local! {
        static GIVEN: RefCell<Stack> = const { RefCell::new(Stack(None)) };
    }
    GIVEN.with_borrow_mut(|given| {
        if given.0.is_some() {
            return;
        }
        // SAFETY: all-zero bytes are a valid stack_t. The first call writes the present stack. The second
        // gives memory that is not moved while the thread lives, and that no other code uses.
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
