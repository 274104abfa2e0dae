//! Tiny pages for the few moments at which a browser meets the service without
//! the console: plain HTML, no script, nothing loaded.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What every page and redirect carries: nothing is run, framed, kept or told
/// onward, for addresses here hold codes.
pub const GUARDS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
];

/// A page with a heading, and what to do next.
#[must_use]
pub fn page(status: StatusCode, heading: &str, next: &str) -> Response {
    let (heading, next) = (escape(heading), escape(next));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{heading}</title></head>\n<body>\n<h1>{heading}</h1>\n\
         <p>{next}</p>\n</body>\n</html>\n"
    );
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (status, html).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    guarded(response)
}

/// Sends the browser elsewhere.
#[must_use]
pub fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => guarded((StatusCode::FOUND, [(header::LOCATION, to)]).into_response()),
        Err(_) => page(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This address cannot be opened",
            "The vendor's address holds characters that no address may hold.",
        ),
    }
}

fn guarded(mut response: Response) -> Response {
    response.headers_mut().extend(GUARDS);
    response
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_vendor_says_cannot_become_markup() {
        assert_eq!(escape("<b a='1'>&\""), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
    }
}
