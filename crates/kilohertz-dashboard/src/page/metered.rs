//! A stream that ends when too much comes: a page says little, whatever it says.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kilohertz_core::timing::time::Time;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that may come within [`WINDOW`] \[bytes\]. A page that jogs says about 2 kB in a second.
pub(super) const MOST: usize = 64 << 10;
const WINDOW: Duration = Duration::from_secs(1);

/// A stream of which only so much is read in a second. It counts bytes, so parts of messages that carry nothing
/// count, too.
pub(super) struct Metered<T> {
    inner: T,
    since: Time,
    read: usize,
}

impl<T> Metered<T> {
    pub fn new(inner: T) -> Metered<T> {
        Metered {
            inner,
            since: Time::now(),
            read: 0,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let now = Time::now();
        if now.since(self.since) >= WINDOW {
            (self.since, self.read) = (now, 0);
        }
        let came = buffer.filled().len().saturating_sub(before);
        self.read = self.read.saturating_add(came);
        Poll::Ready(match self.read > MOST {
            true => Err(io::ErrorKind::QuotaExceeded.into()),
            false => Ok(()),
        })
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
