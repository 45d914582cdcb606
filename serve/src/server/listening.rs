//! What connections are served with: actix-web's own server, but over streams that bound the time for each head.

use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use actix_http::{HttpService, Protocol};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Server};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;

use crate::http::{self, Patience, State, Timed};
use crate::options::Options;

/// Threads of each worker for what waits or computes: reads of the ledger, and lists that are not stored. Each may hold a
/// scorer's memory; more would not read or compute sooner.
const BLOCKING_THREADS: usize = 4;
/// How long a connection that is being closed is waited for.
const CLOSING: Duration = Duration::from_secs(1);

/// actix-server takes no more.
const MOST_WORKERS: usize = 512;

/// One a processor.
pub fn workers() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MOST_WORKERS)
}

/// A server on this listener, to be run. Within a runtime.
///
/// # Errors
/// When the system refuses the listener.
pub fn serve(
    listener: TcpListener,
    options: &Options,
    state: Data<State>,
    description: Data<http::DescriptionText>,
) -> io::Result<Server> {
    let address = listener.local_addr()?;
    let (request_timeout, keep_alive) = (options.request_timeout, options.keep_alive);
    let patience = Patience { head: request_timeout, idle: keep_alive };
    let builder = Server::build()
        .workers(workers())
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .max_concurrent_connections(options.connections as usize / workers() + 1)
        .shutdown_timeout(options.drain_timeout.as_secs().max(1))
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let service = move || {
        let app = App::new()
            .app_data(state.clone())
            .app_data(description.clone())
            .wrap(from_fn(http::frame))
            .configure(http::routes);
        // Nobody asks under which address.
        let config = |()| AppConfig::default();
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(keep_alive)
            .client_request_timeout(request_timeout)
            .client_disconnect_timeout(CLOSING)
            .local_addr(address)
            .on_connect_ext(|stream: &Timed<TcpStream>, data| {
                data.insert(stream.connection());
            })
            .finish(map_config(app.into_factory(), config));
        let timed = move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok((Timed::new(stream, patience), Protocol::Http1, peer)))
        };
        fn_service(timed).and_then(http)
    };
    Ok(builder.listen("http", listener, service)?.run())
}
