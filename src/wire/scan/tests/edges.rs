//! The limits, by hand: the last text that is taken and the first that is not.
