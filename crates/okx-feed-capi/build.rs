//! Names the shared library, so that programs ask for the interface that they were built for.

#![allow(clippy::print_stdout, reason = "that is how a build script speaks")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Of the version of the interface (`ABI_VERSION`), as `install.sh` names the file.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libokx_feed.so.0.1");
    }
}
