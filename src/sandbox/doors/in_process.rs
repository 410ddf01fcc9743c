//! The door without a socket, which keeps to paused time.

use std::fmt;
use std::sync::Arc;

use futures::future::{BoxFuture, pending};
use tokio::time::sleep;

use crate::sandbox::model::exchange::{Call, Outcome, Source};
use crate::sandbox::model::reply::Reply;
use crate::sandbox::shared::Shared;
use crate::transport::{MAX_REPLY, Request, Response, Transport, TransportError, TransportFailure};

/// A [`Transport`] that leads into a [`Sandbox`](crate::sandbox::Sandbox) of the same process.
///
/// A request is worked on when its future is first polled; delays are Tokio's. Dropping the future later is what a
/// caller's time-out is to a real gateway: the message was accepted and nobody heard of it.
#[derive(Clone)]
pub struct SandboxTransport {
    shared: Arc<Shared>,
    door: u64,
}

impl SandboxTransport {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let door = shared.next_door();
        Self { shared, door }
    }
}

impl Transport for SandboxTransport {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        const JSON: Option<&str> = Some("application/json");
        let Self { shared, door } = self.clone();
        Box::pin(async move {
            let answer = shared.answer(&Call {
                method: "POST",
                path: &format!("/API/{}/", request.endpoint().name()),
                content_type: JSON,
                accept: JSON,
                body: request.body(),
                source: Source::Door(door),
            });
            if !answer.after.is_zero() {
                sleep(answer.after).await;
            }
            match answer.outcome {
                Outcome::Reply(reply) => respond(reply),
                Outcome::Slow(reply, over) => {
                    sleep(over).await;
                    respond(reply)
                }
                Outcome::Truncated(mut reply, keep) => {
                    reply.body.truncate(keep);
                    let cut = TransportError::new(TransportFailure::Interrupted);
                    Err(cut.with_reply(reply.status, reply.body))
                }
                Outcome::Cut => Err(TransportError::new(TransportFailure::Interrupted)),
                Outcome::Refused => Err(TransportError::new(TransportFailure::Connect)),
                Outcome::Silence => pending().await,
            }
        })
    }

    fn is_local(&self) -> bool {
        true
    }
}

fn respond(reply: Reply) -> Result<Response, TransportError> {
    if reply.body.len() > MAX_REPLY {
        return Err(TransportError::new(TransportFailure::ReplyTooLong));
    }
    Ok(Response::new(reply.status, reply.body))
}

impl fmt::Debug for SandboxTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxTransport").field("door", &self.door).finish_non_exhaustive()
    }
}
