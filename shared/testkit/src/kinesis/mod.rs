//! Kinesis on loopback, over HTTP, with faults on the wire: PutRecords requests enter, answers, refusals, resets and
//! silence leave, at random from a seed.
//!
//! It speaks JSON 1.1, as the SDKs for Rust and Python do. It keeps the records itself, or stands before another
//! server, to which it passes requests on with their headers. What is no PutRecords has no faults. It checks the limits
//! of a call as Kinesis does, but neither signatures nor stream names.

mod http;
mod put_records;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt, BufReader},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use self::{
    http::{Answer, Request},
    put_records::PutRecords,
};
use crate::lock;

/// A record in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its partition key.
    pub partition_key: String,
    /// Its payload.
    pub data: Vec<u8>,
}

/// How often something goes wrong, each as a share from 0 to 1. At the most one fault hits a call as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Records refused one by one, in an answer of status 200.
    pub refuse: f64,
    /// Calls refused for their number, status 400, without effect.
    pub throttle: f64,
    /// Calls answered by an error of the server, status 500 or 503, without effect.
    pub server_error: f64,
    /// Connections reset when the request has come, without effect.
    pub reset_before: f64,
    /// Connections reset after the records were written.
    pub reset_after: f64,
    /// Records written, and no answer.
    pub silence_after: f64,
    /// Records written, and an answer that stops in its middle for [`Rates::slow_for`].
    pub slow_body: f64,
    /// How long a slow answer stops.
    pub slow_for: Duration,
}

/// What was asked and what went wrong so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// PutRecords calls that came in whole.
    pub calls: u64,
    /// Records in them.
    pub records: u64,
    /// Records refused one by one.
    pub refused: u64,
    /// Calls refused for their number.
    pub throttled: u64,
    /// Calls answered by an error of the server.
    pub server_errors: u64,
    /// Connections reset before the effect.
    pub resets_before: u64,
    /// Connections reset after it.
    pub resets_after: u64,
    /// Calls with an effect and no answer.
    pub silences: u64,
    /// Calls with a slow answer.
    pub slow_bodies: u64,
    /// Records in all calls that a fault hit as a whole, slow answers included.
    pub in_failed_calls: u64,
    /// Calls beyond Kinesis' limits, answered as Kinesis does.
    pub invalid: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Throttle,
    ServerError,
    ResetBefore,
    ResetAfter,
    SilenceAfter,
    SlowBody,
}

/// Who has the records.
#[derive(Debug, Clone, Copy)]
enum Behind {
    Memory,
    Nobody,
    Upstream(SocketAddr),
}

#[derive(Debug)]
struct Shared {
    behind: Behind,
    rates: Rates,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    seen: Seen,
    taken: Vec<Taken>,
    /// The last sequence number that was given.
    sequence: u64,
}

/// A running server. Dropping it ends it, with all of its connections.
#[derive(Debug)]
pub struct FakeKinesis {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: AbortHandle,
}

impl Drop for FakeKinesis {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeKinesis {
    /// Keeps the records.
    pub async fn sink(seed: u64, rates: Rates) -> io::Result<Self> {
        Self::start(Behind::Memory, seed, rates).await
    }

    /// Counts records and forgets them; nothing goes wrong.
    pub async fn counting() -> io::Result<Self> {
        Self::start(Behind::Nobody, 0, Rates::default()).await
    }

    /// Passes requests on to another server.
    pub async fn proxy(upstream: SocketAddr, seed: u64, rates: Rates) -> io::Result<Self> {
        Self::start(Behind::Upstream(upstream), seed, rates).await
    }

    async fn start(behind: Behind, seed: u64, rates: Rates) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = State { rng: Rng::with_seed(seed), seen: Seen::default(), taken: Vec::new(), sequence: 0 };
        let shared = Arc::new(Shared { behind, rates, state: Mutex::new(state) });
        let server = tokio::spawn(serve(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for a client: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The records that it keeps, in the order in which they came, repetitions included.
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.shared.state).taken.clone()
    }

    /// What it has seen and done.
    pub fn seen(&self) -> Seen {
        lock(&self.shared.state).seen
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this future, and the connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        connections.spawn(talk(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// Answers requests until the client or a fault ends the connection. What breaks it concerns the client alone.
async fn talk(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = http::read(&mut stream).await? {
        let is_put = request.header("x-amz-target") == Some("Kinesis_20131202.PutRecords");
        let call = match (is_put, PutRecords::read(&request.body)) {
            (true, Some(call)) => call,
            (is_put, _) => {
                let answer = match shared.behind {
                    Behind::Upstream(upstream) => http::pass_on(upstream, &request, &request.body).await?,
                    _ if is_put => put_records::error(400, "SerializationException", "the body cannot be read"),
                    _ => put_records::error(400, "UnknownOperationException", "only PutRecords is known here"),
                };
                http::write(&mut stream, &answer).await?;
                continue;
            }
        };
        let fault = shared.draw(&call);
        match fault {
            Some(Fault::ResetBefore) => return reset(stream),
            Some(Fault::Throttle | Fault::ServerError) => {
                http::write(&mut stream, &shared.refusal(fault)).await?;
                continue;
            }
            _ => {}
        }
        let answer = shared.handle(&request, &call, fault.is_some()).await?;
        match fault {
            Some(Fault::ResetAfter) => return reset(stream),
            // Until the client has had enough.
            Some(Fault::SilenceAfter) => {
                while stream.read(&mut [0; 256]).await? > 0 {}
                return Ok(());
            }
            Some(Fault::SlowBody) => {
                let half = http::write_half(&mut stream, &answer).await?;
                sleep(shared.rates.slow_for).await;
                http::write_rest(&mut stream, half).await?;
            }
            _ => http::write(&mut stream, &answer).await?,
        }
    }
    Ok(())
}

/// Ends a connection by a reset instead of a good-bye.
fn reset(stream: BufReader<TcpStream>) -> io::Result<()> {
    stream.into_inner().set_zero_linger()
}

impl Shared {
    /// Counts a call and draws what goes wrong with it as a whole.
    fn draw(&self, call: &PutRecords<'_>) -> Option<Fault> {
        let state = &mut *lock(&self.state);
        let (records, seen) = (call.records.len() as u64, &mut state.seen);
        seen.calls += 1;
        seen.records += records;
        let Rates { throttle, server_error, reset_before, reset_after, silence_after, slow_body, .. } = self.rates;
        let mut dice = state.rng.f64();
        for (fault, rate, count) in [
            (Fault::Throttle, throttle, &mut seen.throttled),
            (Fault::ServerError, server_error, &mut seen.server_errors),
            (Fault::ResetBefore, reset_before, &mut seen.resets_before),
            (Fault::ResetAfter, reset_after, &mut seen.resets_after),
            (Fault::SilenceAfter, silence_after, &mut seen.silences),
            (Fault::SlowBody, slow_body, &mut seen.slow_bodies),
        ] {
            if dice < rate {
                *count += 1;
                seen.in_failed_calls += records;
                return Some(fault);
            }
            dice -= rate;
        }
        None
    }

    /// The answer to a call that is refused as a whole.
    fn refusal(&self, fault: Option<Fault>) -> Answer {
        let first = lock(&self.state).rng.bool();
        let (status, code) = match (fault, first) {
            (Some(Fault::Throttle), true) => (400, "ProvisionedThroughputExceededException"),
            (Some(Fault::Throttle), false) => (400, "LimitExceededException"),
            (_, true) => (500, "InternalFailure"),
            (_, false) => (503, "ServiceUnavailable"),
        };
        put_records::error(status, code, "injected")
    }

    /// Writes the records of a call, but for those that are refused one by one; a call that a fault hits as a whole is
    /// written whole.
    async fn handle(&self, request: &Request, call: &PutRecords<'_>, is_hit: bool) -> io::Result<Answer> {
        let (refused, first_sequence) = {
            let state = &mut *lock(&self.state);
            if let Some(invalid) = call.invalid() {
                state.seen.invalid += 1;
                return Ok(invalid);
            }
            let rate = if is_hit { 0.0 } else { self.rates.refuse };
            let mut draw = || (state.rng.f64() < rate).then(|| state.rng.bool());
            let refused: Vec<Option<&str>> = (0..call.records.len())
                .map(|_| draw().map(|busy| if busy { put_records::BUSY } else { put_records::FAILED }))
                .collect();
            state.seen.refused += refused.iter().flatten().count() as u64;
            if matches!(self.behind, Behind::Memory) {
                let accepted = call.records.iter().zip(&refused).filter(|(_, refused)| refused.is_none());
                state.taken.extend(accepted.map(|(record, _)| record.taken()));
            }
            let first_sequence = state.sequence;
            state.sequence += call.records.len() as u64;
            (refused, first_sequence)
        };
        match self.behind {
            Behind::Upstream(upstream) if refused.iter().all(Option::is_none) => {
                http::pass_on(upstream, request, &request.body).await
            }
            Behind::Upstream(upstream) if refused.iter().any(Option::is_none) => {
                let answer = http::pass_on(upstream, request, &put_records::without(&request.body, &refused)).await?;
                Ok(put_records::merge(answer, &refused))
            }
            _ => Ok(put_records::answer(&refused, first_sequence)),
        }
    }
}

#[cfg(test)]
mod tests;
