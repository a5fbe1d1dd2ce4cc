//! `POST /api/transform`: traces that the page's upload sends, shown without being stored.
//!
//! Jaeger 1.76 takes OTLP in JSON; here the reader of files takes its other formats too.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::api::Api;
use super::asked::Questions;
use super::errors::ApiError;
use super::router::is_by_page;
use super::{stream, traces};
use crate::server::body::BodyBudget;
use crate::server::form::Form;
use crate::store::{Limits, Store};
use crate::ui::WebPages;

/// Reads the traces of a text into a store; the error says why there are none.
pub(crate) type Read = fn(&Store, &[u8]) -> Result<(), String>;

/// How many uploads are read and answered at a time.
const AT_A_TIME: usize = 2;
/// The limits of an upload. Its spans take less memory than its text, of 20 MiB at most.
const LIMITS: Limits = Limits { traces: 0, bytes: 64 << 20 };

/// What uploads are read with.
#[derive(Clone)]
pub(super) struct Uploads {
    api: Arc<Api>,
    read: Read,
    bodies: BodyBudget,
    places: Arc<Semaphore>,
}

impl Uploads {
    pub(super) fn new(api: &Arc<Api>, read: Read) -> Self {
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        Uploads { api: Arc::clone(api), read, bodies: BodyBudget::default(), places }
    }

    /// Reads a body into a store of its own.
    async fn store(&self, headers: &HeaderMap, body: Body) -> Result<Store, ApiError> {
        let read = self.read;
        let work = move |body: axum::body::Bytes| {
            let store = Store::new(LIMITS);
            read(&store, &body).map(|()| store)
        };
        match self.bodies.work(headers, body, work).await {
            Ok(read) => read.map_err(ApiError::bad_request),
            Err(unreadable) => Err(ApiError::new(unreadable.status(), unreadable)),
        }
    }
}

/// Answers an upload as if its traces were stored, and as they were sent.
pub(super) async fn transform(
    State(uploads): State<Uploads>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if is_foreign(&headers) {
        let why = "only a page of this server may upload files from a browser";
        return ApiError::new(StatusCode::FORBIDDEN, why).into_response();
    }
    let Ok(place) = Arc::clone(&uploads.places).try_acquire_owned() else {
        let why = "too many uploads at once: try again";
        return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    };
    let store = match uploads.store(&headers, request.into_body()).await {
        Ok(store) => store,
        Err(refusal) => return refusal.into_response(),
    };
    let (api, found) = (&uploads.api, store.ids());
    let api = Arc::new(Api {
        store: Arc::new(store),
        asked: Questions::default(),
        pages: WebPages::new(""),
        max_clock_skew: api.max_clock_skew,
        base_path: String::new(),
        turns: Arc::clone(&api.turns),
        long_answers: Arc::clone(&api.long_answers),
    });
    let mut form = Form::parse(uri.query().unwrap_or(""));
    form.by_page = is_by_page(&headers);
    stream::answer(api, move |api, out| {
        let _place = place;
        traces::write(api, &form, out, &found, Vec::new(), true)
    })
    .await
}

/// Whether a page of another site asks: it could not read the answer, but cause the work.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("Sec-Fetch-Site").and_then(|site| site.to_str().ok());
    site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}
