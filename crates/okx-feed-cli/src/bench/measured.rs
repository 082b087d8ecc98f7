//! The function in which a tool counts instructions.

/// Everything that is counted happens in this function and its callees.
#[inline(never)]
pub(super) fn measured(work: &mut dyn FnMut()) {
    work();
}
