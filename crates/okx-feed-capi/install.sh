#!/usr/bin/env bash
# Builds the C library and installs header, shared and static library and okx-feed.pc.
# `bash install.sh PREFIX [PROFILE [built]]`; the profile is release unless it is given. With "built"
# it installs what is built already.
set -euo pipefail
[ -z "${CARGO_TARGET_DIR:-}" ] || export CARGO_TARGET_DIR=$(realpath -m "$CARGO_TARGET_DIR")
prefix=${1:?usage: install.sh PREFIX [PROFILE]} profile=${2:-release}
mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
prefix=$(cd "$prefix" && pwd)
cd "$(dirname "$0")"
[ "${3:-}" = built ] || cargo build --locked --profile "$profile" -p okx-feed-capi
target=${CARGO_TARGET_DIR:-../../target}/$profile
[ "$profile" != dev ] || target=${CARGO_TARGET_DIR:-../../target}/debug
version=$(sed -n 's/^version = "\(.*\)"/\1/p' ../../Cargo.toml | head -1)
so=libokx_feed.so
install -m 644 include/okx_feed.h "$prefix/include/"
install -m 644 "$target/libokx_feed_capi.a" "$prefix/lib/libokx_feed.a"
install -m 755 "$target/libokx_feed_capi.so" "$prefix/lib/$so.$version"
# The name that programs ask for, see build.rs.
ln -sf "$so.$version" "$prefix/lib/$so.${version%.*}"
ln -sf "$so.${version%.*}" "$prefix/lib/$so"
# What the static library needs besides, by `rustc --print native-static-libs`.
private="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
sed "s|@PREFIX@|$prefix|; s|@VERSION@|$version|; s|@PRIVATE@|$private|" okx-feed.pc.in \
    >"$prefix/lib/pkgconfig/okx-feed.pc"
