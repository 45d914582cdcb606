//! Answers that hold something until they are sent.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use bytes::Bytes;

/// Lets go of `held` when the answer is sent, or its client has gone.
pub fn hold<T: Unpin + 'static>(
    response: ServiceResponse<BoxBody>,
    held: T,
) -> ServiceResponse<BoxBody> {
    response.map_body(|_, body| BoxBody::new(Holding { body, _held: held }))
}

/// The body of an answer.
struct Holding<T> {
    body: BoxBody,
    _held: T,
}

impl<T: Unpin> MessageBody for Holding<T> {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
