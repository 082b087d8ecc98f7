//! The exchange on a TCP port: the only folder of the simulator that does I/O.

mod arrivals;
mod frame_sender;
mod http;
mod listener;
mod rewound;
mod shared;
mod socket;
mod thread;
mod tls;
mod transport_faults;

pub use arrivals::Arrivals;
pub use frame_sender::{FrameSender, SendPlan, SentFrame};
pub use listener::{Server, ServerHandle};
pub use thread::ServerThread;
pub use tls::server_config;
