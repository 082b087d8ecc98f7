//! Arguments for a NATS server.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use okx_feed_export::nats::{ExporterOptions, NatsAuth, NatsServer, StreamOptions};

/// Which NATS server, and how to log in. A password or a token is never a command-line argument,
/// which other users of the machine could read.
#[derive(Args, Debug)]
#[command(next_help_heading = "NATS")]
pub(crate) struct NatsArgs {
    /// The server: `nats://HOST:4222` or `tls://HOST:4222`, several with commas. `NATS_USER` and
    /// `NATS_PASSWORD`, or `NATS_TOKEN`, log in
    #[arg(id = "nats", long = "nats", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Log in with this file of credentials, as `nsc` writes it
    #[arg(long = "nats-creds", value_name = "FILE", requires = "nats")]
    pub(crate) creds: Option<PathBuf>,
    /// Trust only the CA certificates of this PEM file
    #[arg(id = "nats_ca_file", long = "nats-ca-file", value_name = "FILE", requires = "nats")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Show this certificate to the server, a PEM file
    #[arg(id = "nats_cert", long = "nats-cert", value_name = "FILE", requires = "nats_key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of --nats-cert, a PEM file
    #[arg(id = "nats_key", long = "nats-key", value_name = "FILE", requires = "nats_cert")]
    pub(crate) key: Option<PathBuf>,
    /// The JetStream stream
    #[arg(long, value_name = "NAME", default_value = StreamOptions::NAME, requires = "nats")]
    pub(crate) stream: String,
    /// Core NATS alone, without a stream: what is sent while a reader is away is lost
    #[arg(long, requires = "nats", conflicts_with = "stream")]
    pub(crate) core: bool,
}

impl NatsArgs {
    /// The server; `None` without --nats.
    ///
    /// # Errors
    /// [`CliError::NatsLogin`] if the environment has a user without a password, or the reverse.
    pub(crate) fn server(&self) -> Result<Option<NatsServer>, CliError> {
        let Some(url) = &self.url else { return Ok(None) };
        let mut server = NatsServer::new(url);
        let value = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        server.auth = match (&self.creds, value("NATS_TOKEN")) {
            (Some(path), _) => NatsAuth::Credentials(path.clone()),
            (None, Some(token)) => NatsAuth::Token(token),
            (None, None) => match (value("NATS_USER"), value("NATS_PASSWORD")) {
                (Some(user), Some(password)) => NatsAuth::User { user, password },
                (None, None) => NatsAuth::None,
                _ => return Err(CliError::NatsLogin),
            },
        };
        server.ca_file.clone_from(&self.ca_file);
        server.certificate = self.cert.clone().zip(self.key.clone());
        server.require_tls = url.split(',').any(|url| url.trim().starts_with("tls://"));
        Ok(Some(server))
    }

    /// The options of an exporter to the server.
    pub(crate) fn exporter(
        &self,
        server: NatsServer,
        writer: &str,
        keep: Duration,
    ) -> ExporterOptions {
        let mut exporter = ExporterOptions::new(server, writer);
        exporter.stream = (!self.core).then(|| {
            let mut stream = StreamOptions::default();
            stream.name.clone_from(&self.stream);
            stream.max_age = keep;
            stream
        });
        exporter
    }
}
