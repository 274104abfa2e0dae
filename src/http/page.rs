//! Tiny pages for the few moments at which a browser meets the service: plain
//! HTML, no script, nothing loaded.

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
        HeaderValue::from_static(
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
];

/// One thing to confirm: what it is about, and a button that sends it.
pub struct Question<'a> {
    /// What is asked.
    pub heading: &'a str,
    /// What it is about, as pairs of a term and what it is here.
    pub about: &'a [(&'a str, &'a str)],
    /// What the button does.
    pub note: &'a str,
    /// Where the form goes, on this server.
    pub action: &'a str,
    /// What the form sends.
    pub fields: &'a [(&'a str, &'a str)],
    /// What stands on the button.
    pub button: &'a str,
}

/// A page with a heading, and what to do next.
#[must_use]
pub fn page(status: StatusCode, heading: &str, next: &str) -> Response {
    html(status, heading, "", &format!("<p>{}</p>\n", escape(next)))
}

/// A page that asks before anything is done.
#[must_use]
pub fn ask(question: &Question<'_>) -> Response {
    let pair = |(term, text): &(&str, &str)| {
        format!("<dt>{}</dt><dd>{}</dd>\n", escape(term), escape(text))
    };
    let field = |(name, value): &(&str, &str)| {
        let (name, value) = (escape(name), escape(value));
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
    };
    let Question { heading, about, note, action, fields, button } = question;
    let body = format!(
        "<dl>\n{about}</dl>\n<p>{note}</p>\n<form method=\"post\" action=\"{action}\">\n\
         {fields}<button type=\"submit\">{button}</button>\n</form>\n",
        about = about.iter().map(pair).collect::<String>(),
        note = escape(note),
        action = escape(action),
        fields = fields.iter().map(field).collect::<String>(),
        button = escape(button),
    );
    html(StatusCode::OK, heading, "", &body)
}

/// Sends the browser elsewhere, with a link for those that do not follow.
///
/// No redirect: browsers hold the redirects of a form to the page's
/// `form-action`, and vendors send their users on to hosts of their region.
#[must_use]
pub fn onward(to: &str, heading: &str, link: &str) -> Response {
    let (to, link) = (escape(to), escape(link));
    let head = format!("<meta http-equiv=\"refresh\" content=\"0; url={to}\">");
    html(StatusCode::OK, heading, &head, &format!("<p><a href=\"{to}\">{link}</a></p>\n"))
}

fn html(status: StatusCode, heading: &str, head: &str, body: &str) -> Response {
    let heading = escape(heading);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\">{head}<title>{heading}</title></head>\n<body>\n<main>\n\
         <h1>{heading}</h1>\n{body}</main>\n</body>\n</html>\n"
    );
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (status, html).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    guarded(response)
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
