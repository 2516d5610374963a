//! Starting and stopping: options enter, a server on loopback leaves. Reads no environment.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use jiff::Timestamp;
use market::{Pair, SPEED_MAX, SimulatedTime, Symbol};
use secrecy::SecretString;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    clock::{Clock, RealTime, default_start},
    data::World,
    faults::Fault,
    function::Function,
    http,
    limits::Plan,
    replies::{Replies, RepliesError},
    service::Service,
    splits::Split,
};

/// How a simulator is to behave.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; only loopback is accepted. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The seed of all prices.
    pub seed: u64,
    /// Market seconds for one second, 1 to [`SPEED_MAX`].
    pub speed: u32,
    /// Market time at the start; by default the latest weekday's 11:30 in New York.
    pub start: Option<Timestamp>,
    /// Which limits are enforced.
    pub plan: Plan,
    /// Whether bulk quotes are real on plans that do not have them. [`Plan::P600`] and
    /// [`Plan::P1200`] always have.
    pub bulk: bool,
    /// The only key that is accepted; by default any but none and `demo`.
    pub api_key: Option<SecretString>,
    /// If not empty, no other symbol is known.
    pub symbols: Vec<Symbol>,
    /// If not empty, no other pair is known.
    pub pairs: Vec<Pair>,
    /// Symbols, and pairs as BASE/QUOTE, that are not known.
    pub unknown: Vec<String>,
    /// Splits of shares, which the prices before them show.
    pub splits: Vec<Split>,
    /// Faults in force from the start.
    pub faults: Vec<Fault>,
    /// A folder of prepared replies, served instead of data; then no limits are enforced.
    pub replies: Option<PathBuf>,
    /// The functions for which prepared replies will be asked; if empty, quotes, intraday bars, rates
    /// and days of digital currencies, as far as there are symbols and pairs for them.
    pub functions: Vec<Function>,
    /// The clock on the wall.
    pub real_time: RealTime,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 42,
            speed: 60,
            start: None,
            plan: Plan::P75,
            bulk: false,
            api_key: None,
            symbols: Vec::new(),
            pairs: Vec::new(),
            unknown: Vec::new(),
            splits: Vec::new(),
            faults: Vec::new(),
            replies: None,
            functions: Vec::new(),
            real_time: Arc::new(Timestamp::now),
        }
    }
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address could be reached from elsewhere.
    #[error("listen address `{0}` is not a loopback address; use 127.0.0.1:PORT")]
    NotLoopback(SocketAddr),
    /// The speed is out of range.
    #[error("speed `{0}` is not one of 1 to {SPEED_MAX}")]
    Speed(u32),
    /// The folder of prepared replies is not in order.
    #[error(transparent)]
    Replies(#[from] RepliesError),
    /// The system does not give the address.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The simulator, not yet running.
pub struct MarketSimulator;

impl MarketSimulator {
    /// Starts a simulator on the current Tokio runtime.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        if !options.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.listen));
        }
        if !(1..=SPEED_MAX).contains(&options.speed) {
            return Err(StartError::Speed(options.speed));
        }
        let in_use = if options.functions.is_empty() {
            Function::in_use(&options.symbols, &options.pairs)
        } else {
            options.functions
        };
        let replies = options.replies.as_deref().map(|folder| Replies::load(folder, &in_use)).transpose()?;

        let cannot_listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;

        let real = (options.real_time)();
        let market = options.start.unwrap_or_else(|| default_start(real));
        let simulated = SimulatedTime { real, market, speed: options.speed };
        let world = World {
            seed: options.seed,
            symbols: options.symbols.into_iter().collect(),
            pairs: options.pairs.into_iter().collect(),
            unknown: options.unknown.iter().map(|name| name.to_ascii_uppercase()).collect(),
            splits: options.splits,
        };
        let clock = Clock { simulated, real: options.real_time };
        let service =
            Arc::new(Service::new(clock, options.plan, options.bulk, world, options.api_key, options.faults, replies));

        let (stop, mut stopped) = watch::channel(());
        let router = http::router(service.clone(), stopped.clone());
        let server = axum::serve(listener, router).with_graceful_shutdown(async move {
            // Nothing is ever sent: the error of a sender that is gone is the sign to stop.
            while stopped.changed().await.is_ok() {}
        });
        let server = tokio::spawn(async move {
            // `axum::serve` retries failed accepts for ever and never returns an error.
            let _ = server.await;
        });
        Ok(Running { url: format!("http://{address}"), clock: simulated, service, stop, server })
    }
}

/// A running simulator. Dropping it stops the server.
pub struct Running {
    /// Where it listens, without a path: `http://127.0.0.1:PORT`.
    pub url: String,
    /// Its clock.
    pub clock: SimulatedTime,
    service: Arc<Service>,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
}

impl Running {
    /// What `GET /control/status` says.
    pub fn status(&self) -> Value {
        self.service.status()
    }

    /// What `GET /control/calls` says.
    pub fn calls(&self) -> Value {
        self.service.calls()
    }

    /// Replaces the faults in force, as `POST /control/faults` does.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.service.set_faults(faults);
    }

    /// Takes no more connections and waits until those in progress have their answer; those that hang end.
    pub async fn stop(self) {
        drop(self.stop);
        // A server that panicked has stopped too.
        let _ = self.server.await;
    }
}
