//! The arguments of `run`.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `run`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServiceArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Only read the file, and the files and variables that it names: report what is wrong, or what
    /// would run
    #[arg(long)]
    pub(crate) check: bool,
}

const AFTER_HELP: &str = "\
The file is TOML. What is wrong in it is reported with its line. A name that is not known is an
error. The smallest file:
  [[feed]]
  name = \"main\"
  channels = [\"books5:BTC-USDT\", \"trades:BTC-USDT\"]

All of it:
  [log]
  format = \"json\"              # or \"text\"
  level = \"info\"               # as RUST_LOG, which overrides it
  [metrics]
  listen = \"127.0.0.1:9464\"    # /metrics /healthz /readyz
  by_instrument = false        # also those of each subscription, of 1,000 at most
  [web]
  listen = \"127.0.0.1:9465\"    # another address than loopback needs a token
  token_file = \"/etc/okx-feed/token\"   # or OKX_FEED_WEB_TOKEN
  [[feed]]                     # one or more, each with a thread and connections of its own
  name = \"main\"
  protocol = \"v5\"              # v3, v5, sbe
  channels = [\"books:BTC-USDT\", \"books5:*-USDT-SWAP\"]   # as in okx-feed watch --help
  region = \"global\"            # global, eea, us
  demo = false
  url = \"wss://..\"             # instead of region and demo
  rest_url = \"https://..\"
  proxy = \"socks5://..\"        # or \"none\"; else the environment decides
  ca_file = \"/etc/ssl/own.pem\"
  lines = 2                    # redundant connections
  busy_poll = false
  core = 3
  fifo_priority = 50
  login = \"env\"                # OKX_API_KEY, OKX_API_SECRET, OKX_API_PASSPHRASE
  login_file = \"/etc/okx-feed/key\"     # instead: key=, secret=, passphrase=
  shm = \"okx\"                  # a segment in /dev/shm for other processes
  shard = \"2/4\"              # take only this part of the channels, by a hash of the ids
  [feed.record]
  dir = \"/var/lib/okx-feed\"
  file_size_mib = 1024
  file_time = \"1h\"
  sync = \"file\"                # never, file, block
  level = 1                    # of zstd, 1 to 19
  [feed.nats]                  # as okx-feed publish
  url = \"nats://127.0.0.1:4222\"         # NATS_USER and NATS_PASSWORD, or NATS_TOKEN, log in
  writer = \"A\"               # another name for each publisher
  stream = \"MD_OKX\"
  core = false                 # without a stream
  keep = \"1h\"                # of a stream that is made here
  snapshot_every = \"5s\"
  poll = \"1ms\"                # look for events so often; \"0s\": the feed's thread wakes the sender
  creds_file = \"/etc/okx-feed/nats.creds\"
  ca_file = \"..\"             # and cert_file, key_file

SIGHUP reads the file again: channels and selections that are new are subscribed, those that are
gone are unsubscribed. All else needs a restart, which is reported, as are mistakes in the file;
what runs then goes on as it is. SIGTERM and SIGINT end it with a proper close and all written.
Under systemd it reports when it is ready and, where the unit has WatchdogSec, that the feeds'
threads run.

Exit code: 0 after a signal; 1 when a recording or what is published lacks anything; 2 for a mistake
in the file, for what can't be started, and when a feed has ended by itself.";
