//! Connections whose client takes too long for the head of a request. actix-http has a deadline for the head of the first
//! request alone: on a connection that has served one, a byte a second would hold it for ever.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::holding::hold;

/// What the requests of a connection tell it.
#[derive(Debug, Default)]
pub struct Connection {
    /// Requests whose head was read.
    heads: Cell<u64>,
    /// Those of them that are not answered.
    in_work: Cell<usize>,
}

impl Connection {
    /// A request's head was read.
    pub fn begin(self: Rc<Self>) -> InWork {
        self.heads.set(self.heads.get() + 1);
        self.in_work.set(self.in_work.get() + 1);
        InWork(self)
    }

    /// Whether what is read now belongs to the head of a request, which is not the first.
    fn expects_head(&self) -> bool {
        self.in_work.get() == 0 && self.heads.get() > 0
    }
}

/// Held while a request is answered.
#[derive(Debug)]
pub struct InWork(Rc<Connection>);

impl InWork {
    /// Holds this until the last of a streamed answer is sent; any other is sent at once.
    pub fn until_sent(self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        match response.response().body().size() {
            BodySize::Stream => hold(response, self),
            BodySize::None | BodySize::Sized(_) => response,
        }
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.in_work.set(self.0.in_work.get() - 1);
    }
}

/// How long is waited for the head of a request on a connection that has served one.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From its first byte on.
    pub head: Duration,
    /// From the answer before on.
    pub idle: Duration,
}

/// A stream that ends, as if the client had closed it, when a head is not whole in time.
pub struct Timed<T> {
    io: T,
    patience: Patience,
    connection: Rc<Connection>,
    timer: Option<Pin<Box<Sleep>>>,
    awaited: Option<Awaited>,
}

/// A head that the timer runs for.
#[derive(Clone, Copy)]
struct Awaited {
    /// How many were read before it.
    after: u64,
    /// Whether its first byte has come. It may have, unseen, with the request before.
    has_begun: bool,
}

impl<T> Timed<T> {
    /// Over a connection that has just begun.
    pub fn new(io: T, patience: Patience) -> Self {
        Self { io, patience, connection: Rc::default(), timer: None, awaited: None }
    }

    /// What its requests are to tell.
    pub fn connection(&self) -> Rc<Connection> {
        self.connection.clone()
    }

    /// Lets the timer run for the next head, unless it does.
    fn wait(&mut self, has_begun: bool) {
        let after = self.connection.heads.get();
        let is_set = self
            .awaited
            .is_some_and(|awaited| awaited.after == after && (awaited.has_begun || !has_begun));
        if is_set {
            return;
        }
        self.awaited = Some(Awaited { after, has_begun });
        let patience = if has_begun { self.patience.head } else { self.patience.idle };
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(Instant::now() + patience),
            None => self.timer = Some(Box::pin(sleep(patience))),
        }
    }

    /// Ready when a head is late.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.connection.expects_head() {
            return Poll::Pending;
        }
        self.wait(false);
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(context))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Timed<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let read = Pin::new(&mut this.io).poll_read(context, into);
        if read.is_pending() {
            ready!(this.poll_late(context));
            return Poll::Ready(Ok(()));
        }
        if into.filled().len() > before && this.connection.expects_head() {
            this.wait(true);
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Timed<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}
