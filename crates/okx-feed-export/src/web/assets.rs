//! The files of the page, embedded.

use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

/// What the page may load: its own files, and nothing of anybody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// One file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asset {
    pub(super) path: &'static str,
    media_type: &'static str,
    text: &'static str,
}

/// The form that asks for the token.
pub(super) const LOGIN: Asset = Asset {
    path: "/login",
    media_type: "text/html; charset=utf-8",
    text: include_str!("../../assets/login.html"),
};

/// The page and what it loads.
pub(super) const ASSETS: [Asset; 7] = [
    Asset {
        path: "/",
        media_type: "text/html; charset=utf-8",
        text: include_str!("../../assets/page.html"),
    },
    Asset {
        path: "/page.css",
        media_type: "text/css; charset=utf-8",
        text: include_str!("../../assets/page.css"),
    },
    Asset {
        path: "/page.js",
        media_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/page.js"),
    },
    Asset {
        path: "/charts.js",
        media_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/charts.js"),
    },
    Asset {
        path: "/uPlot.js",
        media_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/vendor/uPlot.iife.min.js"),
    },
    Asset {
        path: "/uPlot.css",
        media_type: "text/css; charset=utf-8",
        text: include_str!("../../assets/vendor/uPlot.min.css"),
    },
    Asset {
        path: "/icon.svg",
        media_type: "image/svg+xml",
        text: include_str!("../../assets/icon.svg"),
    },
];

impl Asset {
    pub(super) fn response(self) -> Response {
        ([(header::CONTENT_TYPE, self.media_type)], self.text).into_response()
    }
}

/// Adds to an answer, also to one that refuses, what a browser may do with it.
pub(super) async fn secure(mut answer: Response) -> Response {
    for (name, value) in SECURITY {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

const SECURITY: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
];
