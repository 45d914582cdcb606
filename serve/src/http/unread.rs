//! Chunked bodies that nobody reads to their end. When a handler lets go of one, actix-http reads on and throws away, for
//! as long as a client likes to send or to stall, and so the connection would never end. While somebody still holds it,
//! the connection is closed after the answer instead. So the answer holds it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use bytes::Bytes;
use futures_util::Stream;

use super::holding::hold;

/// A body that the handler reads and the answer holds.
pub struct Unread {
    _body: Rc<RefCell<Payload>>,
}

impl Unread {
    /// Of a request with a chunked body; none for others, with which actix-http deals well.
    pub fn of(request: &mut ServiceRequest) -> Option<Self> {
        request.headers().get(header::TRANSFER_ENCODING)?;
        let body = Rc::new(RefCell::new(request.take_payload()));
        let payload = Box::pin(Reader(body.clone()));
        request.set_payload(Payload::Stream { payload });
        Some(Self { _body: body })
    }

    /// Holds the body until the answer is sent.
    pub fn until_sent(self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        hold(response, self)
    }
}

/// What the handler reads.
struct Reader(Rc<RefCell<Payload>>);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}
