//! Sends what is due over whichever connection is free, and takes the answers: in one thread, because both ends share a
//! machine, and waking a thread for each answer would take from the server what it is to show.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::client::{DEADLINE, Incoming, open};
use crate::phase::{Share, Started};
use crate::requests;
use crate::schedule::Schedule;

/// What tells the moment of the next request from a connection's answer.
const TIMER: u64 = u64::MAX;

/// What to send, and what to note of it.
pub struct Sending<'a> {
    pub server: &'a str,
    pub schedule: Schedule,
    /// The requests, by number.
    pub requests: &'a [Vec<u8>],
    /// Whether answers have handles, to be kept.
    pub wants_handles: bool,
    /// Where ratings go that were accepted.
    pub begun: Option<mpsc::Sender<Started>>,
}

struct Connection {
    /// None after an error: the next request opens another one.
    stream: Option<TcpStream>,
    incoming: Incoming,
    /// Since when the request was due whose answer is waited for.
    due: Option<Instant>,
}

impl Sending<'_> {
    /// Sends all over these many connections.
    ///
    /// # Errors
    /// When the server cannot be connected to at the beginning, or the system refuses.
    pub fn run(mut self, streams: Vec<TcpStream>) -> io::Result<Share> {
        let mut share = Share::default();
        let mut waits = Waits::new()?;
        let mut connections = Vec::with_capacity(streams.len());
        for (at, stream) in (0..).zip(streams) {
            waits.add(&stream, at)?;
            let stream = Some(stream);
            connections.push(Connection { stream, incoming: Incoming::default(), due: None });
        }
        // The one that has been free for longest goes first: all of them are used.
        let mut free: VecDeque<usize> = (0..connections.len()).collect();
        let mut next = self.schedule.next();
        let mut events = Vec::with_capacity(connections.len() + 1);
        loop {
            while let Some((number, due)) = next
                && let Some(&at) = free.front()
                && due <= Instant::now()
            {
                share.lag.push(due.elapsed());
                let request = &self.requests[number as usize];
                match connections[at].send(request, self.server, at as u64, &waits) {
                    Ok(()) => {
                        connections[at].due = Some(due);
                        free.pop_front();
                    }
                    Err(_) => {
                        connections[at].let_go();
                        share.note("broken".to_owned());
                    }
                }
                next = self.schedule.next();
            }
            if next.is_none() && free.len() == connections.len() {
                return Ok(share);
            }
            let until = next.map(|(_, due)| due).filter(|_| !free.is_empty());
            waits.wait(until, &mut events)?;
            if events.is_empty() {
                // Nothing has come for longer than any answer takes.
                for (at, connection) in connections.iter_mut().enumerate() {
                    if connection.due.is_some() {
                        connection.let_go();
                        share.note("broken".to_owned());
                        free.push_back(at);
                    }
                }
            }
            for at in events.iter().map(|event| event.data.u64()).filter(|&at| at != TIMER) {
                let connection = &mut connections[at as usize];
                let was_waiting = connection.due.is_some();
                self.receive(connection, &mut share);
                if was_waiting && connection.due.is_none() {
                    free.push_back(at as usize);
                }
            }
        }
    }

    /// Reads once, and notes an answer that is all there.
    fn receive(&self, connection: &mut Connection, share: &mut Share) {
        let Some(stream) = &mut connection.stream else { return };
        let answer = match connection.incoming.read(stream) {
            Ok(Some(answer)) => answer,
            Ok(None) => return,
            Err(error)
                if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) =>
            {
                return;
            }
            Err(_) => {
                // A server may close a connection that waits for nothing.
                if connection.due.is_some() {
                    share.note("broken".to_owned());
                }
                return connection.let_go();
            }
        };
        let Some(due) = connection.due.take() else { return };
        if (200..300).contains(&answer.status) {
            share.latency.push(due.elapsed());
            if self.wants_handles
                && let Some(handle) = requests::handle(answer.body)
            {
                if let Some(begun) = &self.begun {
                    // The pollers outlive this.
                    let _ = begun.send((handle.clone(), due));
                }
                share.handles.push(handle);
            }
        }
        share.note(answer.status.to_string());
    }
}

impl Connection {
    fn send(&mut self, request: &[u8], server: &str, at: u64, waits: &Waits) -> io::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = open(server)?;
                waits.add(&stream, at)?;
                none.insert(stream)
            }
        };
        // Small, and the one before is answered: there is room for it.
        match stream.write(request)? {
            all if all == request.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }

    /// The next request opens a new connection.
    fn let_go(&mut self) {
        *self = Self { stream: None, incoming: Incoming::default(), due: None };
    }
}

/// Waits for answers, and for the moment of the next request.
struct Waits {
    epoll: OwnedFd,
    /// The pauses of epoll are whole milliseconds.
    timer: OwnedFd,
    /// Whether the timer is, or was and nobody has looked.
    is_set: bool,
}

impl Waits {
    fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        let data = epoll::EventData::new_u64(TIMER);
        epoll::add(&epoll, &timer, data, epoll::EventFlags::IN)?;
        Ok(Self { epoll, timer, is_set: false })
    }

    fn add(&self, stream: &TcpStream, at: u64) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(at);
        Ok(epoll::add(&self.epoll, stream, data, epoll::EventFlags::IN)?)
    }

    /// Waits until a moment, if there is one, or an answer, and says whose: nobody's when none came for longer than any
    /// takes.
    fn wait(&mut self, until: Option<Instant>, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        if until.is_some() || self.is_set {
            // Zero is no moment at all.
            let pause = until.map_or(Duration::ZERO, |until| {
                until.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1))
            });
            let once = Duration::ZERO;
            let timer = Itimerspec { it_interval: timespec(once), it_value: timespec(pause) };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer)?;
            self.is_set = until.is_some();
        }
        events.clear();
        loop {
            match epoll::wait(&self.epoll, spare_capacity(events), Some(&timespec(DEADLINE))) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs().cast_signed(), tv_nsec: duration.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers some requests over each connection and then closes it, the last one without an answer.
    fn serve(listener: &TcpListener, requests: usize) {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines();
                for number in 1..=requests {
                    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {
                    }
                    let answer = "HTTP/1.1 202 Accepted\r\ncontent-length: 20\r\n\r\n{\"executionArn\":\"a\"}";
                    if number < requests && (&stream).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    }

    #[test]
    fn everything_is_sent_and_a_connection_that_breaks_is_replaced() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = listener.local_addr()?.to_string();
        thread::spawn(move || serve(&listener, 5));
        let requests = vec![b"GET / HTTP/1.1\r\n\r\n".to_vec(); 100];
        // Most of it is due already.
        let schedule = Schedule::new(Instant::now() - Duration::from_millis(900), 100, 1);
        let (begun, started) = mpsc::channel();
        let sending = Sending {
            server: &server,
            schedule,
            requests: &requests,
            wants_handles: true,
            begun: Some(begun),
        };
        let share = sending.run(vec![open(&server)?, open(&server)?])?;
        // Every fifth over a connection, from whichever.
        let (answered, broken) = (share.answers["202"], share.answers["broken"]);
        assert_eq!((answered + broken, share.lag.percentiles().count), (100, 100));
        assert!((19..=20).contains(&broken), "{broken}");
        let noted =
            [share.handles.len(), share.latency.percentiles().count, started.iter().count()];
        assert_eq!(noted, [answered as usize; 3]);
        Ok(())
    }
}
