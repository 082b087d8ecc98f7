//! The catalogue of instruments, from the REST interface.

use super::error::CliError;
use okx_feed::Market;
use okx_feed::model::{Instruments, Selection};
use okx_feed::rest::{Request, RestClient};

/// The instruments of all types that may fit.
pub(crate) fn fetch(
    client: &mut RestClient,
    selection: &Selection,
) -> Result<Instruments, CliError> {
    let mut all = Instruments::new();
    for (inst_type, family) in selection.lists() {
        let market = Market::from_name(inst_type.to_ascii_lowercase().as_bytes());
        // Types with lists are markets.
        let Some(market) = market else { continue };
        let request = Request::instruments(market, family, None);
        all.extend(&client.instruments(market, &request)?);
    }
    Ok(all)
}
