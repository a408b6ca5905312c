use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// RFC 9110, section 5.6.7.
const IMF_FIXDATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the server itself says where no router could: in the form of all other errors, and closing the connection.
///
/// Slugs and titles are those of the table of problems, which `real/` may not name; a black-box test compares them.
pub(super) struct OwnAnswer {
    pub status: StatusCode,
    pub slug: &'static str,
    pub title: &'static str,
    /// Says what to do next.
    pub detail: &'static str,
}

pub(super) const HEAD_TOO_LATE: OwnAnswer = OwnAnswer {
    status: StatusCode::REQUEST_TIMEOUT,
    slug: "invalid-request",
    title: "Invalid request",
    detail: "the request's head did not come in time: send it again",
};
pub(super) const BODY_TOO_LATE: OwnAnswer =
    OwnAnswer { detail: "the request's body did not come in time: send it again", ..HEAD_TOO_LATE };
pub(super) const HEAD_TOO_LARGE: OwnAnswer = OwnAnswer {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    slug: "header-too-large",
    title: "Request headers too large",
    detail: "a request's line and headers have at most 32768 bytes and 100 headers: send less",
};
pub(super) const NOT_HTTP: OwnAnswer = OwnAnswer {
    status: StatusCode::BAD_REQUEST,
    slug: "invalid-request",
    title: "Invalid request",
    detail: "this is not a well-formed HTTP/1.1 request: correct its first line and its headers",
};
pub(super) const NO_HOST: OwnAnswer =
    OwnAnswer { detail: "an HTTP/1.1 request has one Host header: send it, once", ..NOT_HTTP };
pub(super) const TOO_MANY_CONNECTIONS: OwnAnswer = OwnAnswer {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "overloaded",
    title: "Overloaded",
    detail: "this node has as many connections as it may have: try another node, or again in a second",
};
pub(super) const TOO_MANY_BODIES: OwnAnswer = OwnAnswer {
    detail: "nothing was done: this node is reading as many request bodies as it has room for. Try another node, or again \
             in a second",
    ..TOO_MANY_CONNECTIONS
};
pub(super) const TOO_MANY_ANSWERS: OwnAnswer = OwnAnswer {
    detail: "this node is sending as many answers as it has room for: try another node, or again in a second",
    ..TOO_MANY_CONNECTIONS
};

impl OwnAnswer {
    /// The answer to a request for `path`, empty where it could not be read; `request_id` is the one that it was given
    /// already, if any.
    pub fn response(&self, path: &str, request_id: Option<HeaderValue>) -> Response<Bytes> {
        let id = request_id.unwrap_or_else(new_request_id);
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let (id_text, path) = (escaped(id.to_str().unwrap_or_default()), escaped(path));
        let OwnAnswer { status, slug, title, detail } = self;
        let body = format!(
            "{{\"type\":\"https://confman/errors/{slug}\",\"title\":\"{title}\",\"status\":{},\"detail\":\"{detail}\",\
             \"instance\":\"{path}\",\"requestId\":\"{id_text}\"}}",
            status.as_u16()
        );
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = *status;
        let length = response.body().len();
        let headers = response.headers_mut();
        let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
        set(header::CONTENT_TYPE, "application/problem+json");
        set(header::CACHE_CONTROL, "private, no-cache");
        set(header::VARY, "Accept, Authorization, X-API-Key, X-Confman-Consistency, X-Confman-Min-Version");
        set(header::CONNECTION, "close");
        if *status == StatusCode::SERVICE_UNAVAILABLE {
            set(header::RETRY_AFTER, "1");
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(X_REQUEST_ID, id);
        response
    }

    /// The answer as bytes, for where there is no request that hyper could answer.
    pub fn bytes(&self) -> Vec<u8> {
        let response = self.response("", None);
        let mut bytes = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
        // hyper dates what passes through it; an answer has to be dated (RFC 9110, section 6.6.1).
        if let Ok(date) = OffsetDateTime::now_utc().format(IMF_FIXDATE) {
            bytes.extend(format!("date: {date}\r\n").into_bytes());
        }
        for (name, value) in response.headers() {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(response.body());
        bytes
    }
}

/// The request id that the router gave a request, on its answer.
pub(super) fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(X_REQUEST_ID).cloned()
}

fn new_request_id() -> HeaderValue {
    let mut bits = [0; 16];
    // Without randomness it is all zeros: an answer without a telling id is better than none.
    let _ = getrandom::fill(&mut bits);
    HeaderValue::from_str(&format!("{:032x}", u128::from_be_bytes(bits))).expect("hexadecimal digits are visible ASCII")
}
