//! What is answered to a request: a file of the page, a connection, or a refusal.

use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_local;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::page::access::{Rights, is_host, is_own, rights};
use crate::page::connection;
use crate::page::files::Files;
use crate::page::hub::Hub;
use crate::page::places::Visit;
use crate::page::playback::Recorded;

/// The path of the connection, behind the token.
const LIVE: &str = "live";
/// What the paths of recorded runs begin with.
const RUNS: &str = "run/";

/// What a request is answered with.
pub(super) struct Site {
    pub hub: Rc<Hub>,
    pub files: Files,
    pub runs: Vec<Recorded>,
    pub token: String,
    /// The token of the pages that may hold the controls.
    pub controls_token: Option<String>,
}

type Answer = Response<Full<Bytes>>;

/// Answers a request.
pub(super) async fn answer(
    site: Rc<Site>,
    visit: Rc<Visit>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let host = text(request.headers(), &header::HOST)
        .unwrap_or_default()
        .to_owned();
    let answered = site.answer(request, &visit, &host);
    let mut response = answered.unwrap_or_else(refusal);
    protect(response.headers_mut(), &host);
    Ok(response)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    // Two of them say two things: neither is believed.
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    match all.next() {
        None => first.to_str().ok(),
        Some(_) => None,
    }
}

impl Site {
    fn answer(
        &self,
        mut request: Request<Incoming>,
        visit: &Rc<Visit>,
        host: &str,
    ) -> Result<Answer, StatusCode> {
        if !is_host(host) {
            return Err(StatusCode::FORBIDDEN);
        }
        if request.method() != Method::GET {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        let Some((token, path)) = path.split_once('/') else {
            return Err(StatusCode::NOT_FOUND);
        };
        // Without the token there is nothing here, not even a difference between what exists and what does not.
        let rights = rights(token, &self.token, self.controls_token.as_deref())
            .ok_or(StatusCode::NOT_FOUND)?;
        if !visit.shows_token() {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        if path == LIVE {
            return self.connect(&mut request, visit, host, rights);
        }
        let (bytes, media_type) = match path.strip_prefix(RUNS) {
            Some(run) => {
                let query = request.uri().query().unwrap_or_default();
                self.part(run, query).ok_or(StatusCode::NOT_FOUND)?
            }
            None => {
                let file = self.files.get(path).ok_or(StatusCode::NOT_FOUND)?;
                (file.bytes.clone(), file.media_type)
            }
        };
        let mut response = Response::new(Full::new(bytes));
        let media_type = HeaderValue::from_static(media_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
        Ok(response)
    }

    /// Returns a part of a recorded run, as in `0/frames` or `0/chunks` with `from=0&count=60`.
    fn part(&self, path: &str, query: &str) -> Option<(Bytes, &'static str)> {
        let (number, what) = path.split_once('/')?;
        let run = self.runs.get(number.parse::<usize>().ok()?)?;
        let of = |name: &str| -> Option<usize> {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name)?.1.parse().ok()
        };
        let (from, count) = (of("from")?, of("count")?);
        match what {
            "frames" => {
                let frames = Bytes::copy_from_slice(run.frames(from, count)?);
                Some((frames, "application/octet-stream"))
            }
            "chunks" => Some((run.chunks(from, count)?.into(), "application/json")),
            _ => None,
        }
    }

    fn connect(
        &self,
        request: &mut Request<Incoming>,
        visit: &Rc<Visit>,
        host: &str,
        rights: Rights,
    ) -> Result<Answer, StatusCode> {
        let headers = request.headers();
        if !is_own(text(headers, &header::ORIGIN), host) {
            return Err(StatusCode::FORBIDDEN);
        }
        let wants = text(headers, &header::UPGRADE)
            .is_some_and(|what| what.eq_ignore_ascii_case("websocket"))
            && text(headers, &header::SEC_WEBSOCKET_VERSION) == Some("13");
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| wants);
        let accept = derive_accept_key(key.ok_or(StatusCode::UPGRADE_REQUIRED)?.as_bytes());
        let upgrade = hyper::upgrade::on(request);
        let has_controls = rights == Rights::Control;
        let (hub, visit) = (Rc::clone(&self.hub), Rc::clone(visit));
        spawn_local(async move {
            if let Ok(upgraded) = upgrade.await {
                let io = TokioIo::new(upgraded);
                connection::serve(hub, io, has_controls).await;
            }
            drop(visit);
        });
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        let accept = HeaderValue::from_str(&accept).map_err(|_| StatusCode::BAD_REQUEST)?;
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        Ok(response)
    }
}

fn refusal(status: StatusCode) -> Answer {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(format!("{reason}\n"))));
    *response.status_mut() = status;
    response
}

/// Adds what keeps a browser from doing more with an answer than the page needs.
fn protect(headers: &mut HeaderMap, host: &str) {
    let live = if is_host(host) {
        format!(" ws://{host}")
    } else {
        String::new()
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         connect-src 'self'{live}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
