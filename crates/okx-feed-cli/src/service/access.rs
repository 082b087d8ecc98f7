//! Whether what the configuration file names is there: keys, tokens, certificates, directories.

use std::path::PathBuf;

use okx_feed::Credentials;
use toml::Spanned;

use super::checked::Checked;
use super::config::FeedConfig;
use crate::config_error::ConfigError;
use crate::endpoints::token;
use crate::nats_args::NatsArgs;

/// Checks that every file and variable that the file names can be used now.
///
/// # Errors
/// The first that can't. No error has anything of a file's content.
pub(super) fn check(checked: &Checked) -> Result<(), ConfigError> {
    if let Some(web) = &checked.config.web {
        let file = web.token_file.as_ref();
        let span = file.map_or_else(|| web.listen.span(), Spanned::span);
        let found = token(file.map(|file| file.get_ref().as_path()));
        let found = found.map_err(|error| checked.error(span, error.to_string()))?;
        if found.is_none() && !web.listen.get_ref().ip().is_loopback() {
            let reason = "other machines reach this address: give token_file, or set \
                          OKX_FEED_WEB_TOKEN";
            return Err(checked.error(web.listen.span(), reason));
        }
    }
    checked.config.feeds.iter().try_for_each(|feed| check_feed(checked, feed.get_ref()))
}

fn check_feed(checked: &Checked, feed: &FeedConfig) -> Result<(), ConfigError> {
    if let Some(path) = &feed.login_file {
        Credentials::from_file(path.get_ref())
            .map_err(|error| checked.error(path.span(), error.to_string()))?;
    }
    if let Some(login) = &feed.login {
        let found = Credentials::from_env();
        let found = found.map_err(|error| checked.error(login.span(), error.to_string()))?;
        let reason = "set OKX_API_KEY, OKX_API_SECRET and OKX_API_PASSPHRASE";
        found.ok_or_else(|| checked.error(login.span(), reason))?;
    }
    if let Some(nats) = &feed.nats {
        let server = NatsArgs::from(nats).server();
        server.map_err(|error| checked.error(nats.url.span(), error.to_string()))?;
    }
    let nats = feed.nats.iter().flat_map(|nats| {
        [&nats.creds_file, &nats.ca_file, &nats.cert_file, &nats.key_file].into_iter().flatten()
    });
    feed.ca_file.iter().chain(nats).try_for_each(|path| can_be_read(checked, path))?;
    match &feed.record {
        Some(record) if record.dir.get_ref().is_file() => {
            Err(checked.error(record.dir.span(), "dir is a file"))
        }
        _ => Ok(()),
    }
}

fn can_be_read(checked: &Checked, path: &Spanned<PathBuf>) -> Result<(), ConfigError> {
    let read = std::fs::read(path.get_ref());
    let wrong =
        |error| checked.error(path.span(), format!("{}: {error}", path.get_ref().display()));
    read.map(drop).map_err(wrong)
}
