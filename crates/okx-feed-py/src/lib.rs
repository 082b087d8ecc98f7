//! The native module of the Python package `okx_feed`.
//!
//! It holds no logic of its own: it converts values, releases the interpreter's lock (GIL) where
//! something waits, and gives out the memory of levels and trades without a copy. What users see is
//! documented in `python/okx_feed/_okx_feed.pyi` and in docs/PYTHON.md.

mod arguments;
mod book;
mod buffer;
mod builder;
mod client;
mod decode;
mod errors;
mod event;
mod events;
mod feed;
mod history;
mod instruments;
mod level;
mod numbers;
mod objects;
mod options;
mod process;
mod readers;
mod record;
mod replay;
mod stats;
mod subscriptions;
mod texts;
mod trade;
mod wait;

use pyo3::prelude::*;

/// Adds classes to the module, once the build has checked that they may live in objects of Python:
/// its allocator aligns to 16 bytes, which a decoder's tables exceed. Those are boxed.
macro_rules! add_classes {
    ($module:expr, $($class:ty,)*) => {
        $(
            const { assert!(align_of::<$class>() <= 16, "box what is aligned to more") };
            $module.add_class::<$class>()?;
        )*
    };
}

/// The native part of `okx_feed`.
#[pymodule]
fn _okx_feed(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    add_classes!(
        module,
        book::PyBook,
        book::PySweep,
        client::PyClient,
        decode::PyDecoder,
        event::PyControl,
        event::PyDepthUpdate,
        event::PyDropped,
        event::PyGap,
        event::PyMalformed,
        event::PySkipped,
        event::PyStateChange,
        events::PyEventQueue,
        feed::PyFeedHandler,
        history::PyHistory,
        history::PyTradePages,
        instruments::PyInstruments,
        level::PyLevel,
        level::PySide,
        readers::PyBookReader,
        record::PyRecord,
        replay::PyReplay,
        texts::PyTextQueue,
        trade::PyTrade,
        trade::PyTrades,
    );
    module.add_function(wrap_pyfunction!(decode::decode, module)?)?;
    module.add_function(wrap_pyfunction!(process::note_fork, module)?)?;
    Ok(())
}
