//! Routes requests to what answers them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
#[cfg(feature = "query")]
use axum::routing::{get, post};

use super::api::Api;
use super::errors::ApiError;
use super::stream::{self, AnswerWriter};
#[cfg(feature = "query")]
use super::transform::{Read, Uploads, transform};
use super::{dependencies, monitor, own_trace, services, traces, v3};
use crate::server::form::{Form, unescape};
use crate::server::http::{not_found, text};

/// The service of the query port, which reads uploads with `read`.
#[cfg(feature = "query")]
pub(crate) fn router(api: Arc<Api>, read: Read) -> Router {
    let upload = format!("{}/api/transform", api.base_path);
    let uploads = Uploads::new(&api, read);
    let others = get(handle).with_state(Arc::clone(&api));
    let router =
        Router::new().route(&upload, others.post_service(post(transform).with_state(uploads)));
    with_others(router, api)
}

/// The service of the query port, which takes no uploads.
#[cfg(not(feature = "query"))]
pub(crate) fn router(api: Arc<Api>) -> Router {
    with_others(Router::new(), api)
}

fn with_others(router: Router<Arc<Api>>, api: Arc<Api>) -> Router {
    let traced = from_fn_with_state(Arc::clone(&api.store), own_trace::traced);
    router.fallback(handle).with_state(api).layer(traced)
}

// Jaeger matches paths as sent, before `%xx` is decoded. axum's router would decode them first, so
// the paths are matched here.
async fn handle(
    State(api): State<Arc<Api>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let asked = Arc::clone(&api);
    let route = move || route(&asked, &method, &uri, &headers);
    let question = match api.pages.reads_files() {
        true => tokio::task::spawn_blocking(route)
            .await
            .unwrap_or_else(|_| Err(StatusCode::INTERNAL_SERVER_ERROR.into_response().into())),
        false => route(),
    };
    let (found, form) = match question {
        Ok(question) => question,
        Err(answer) => return *answer,
    };
    stream::answer(api, move |api, out| found.answer(api, &form, out)).await
}

/// Answers a path and query without a connection, for the fuzzer; returns the status.
#[cfg(any(test, fuzzing))]
pub(crate) fn ask(api: &Arc<Api>, uri: &Uri) -> u16 {
    let answer = match route(api, &Method::GET, uri, &HeaderMap::new()) {
        Ok((found, form)) => {
            let mut thrown_away = |_| Ok(());
            match found.answer(api, &form, &mut AnswerWriter::new(&mut thrown_away)) {
                Ok(()) => return StatusCode::OK.as_u16(),
                Err(refusal) => refusal.into_response(),
            }
        }
        Err(answer) => *answer,
    };
    answer.status().as_u16()
}

/// Finds the route, or the answer where the store is not needed.
fn route(
    api: &Api,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(Route, Form), Box<Response>> {
    if unescape(uri.path(), false).is_none() {
        return Err(text(StatusCode::BAD_REQUEST, "400 Bad Request").into());
    }
    let Some(path) = below(&api.base_path, uri.path()) else {
        return Err(outside(api, uri.path()).into());
    };
    if let Some(clean) = clean(path) {
        let location = format!("{}{clean}", api.base_path);
        let moved = (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]);
        return Err(moved.into_response().into());
    }
    let mut form = Form::parse(uri.query().unwrap_or(""));
    form.by_page = is_by_page(headers);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if let ["api", "v3", rest @ ..] = &segments[..]
        && !rest.is_empty()
    {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let found = v3::Route::find(rest).filter(|_| is_read);
        return found.map(|found| (Route::V3(found), form)).ok_or_else(|| not_found().into());
    }
    let Some((allowed, found)) = find(&segments) else {
        return Err(api.pages.serve(path, method, headers).into());
    };
    if *method != allowed {
        return Err(StatusCode::METHOD_NOT_ALLOWED.into_response().into());
    }
    Ok((found, form))
}

enum Route {
    Services,
    OperationNames(String),
    Operations,
    Search,
    Trace(String),
    Archive(String),
    Dependencies,
    Metrics(&'static str),
    V3(v3::Route),
}

fn find(segments: &[&str]) -> Option<(Method, Route)> {
    let (method, route) = match segments {
        ["api", "services"] => (Method::GET, Route::Services),
        ["api", "services", service, "operations"] => {
            (Method::GET, Route::OperationNames((*service).to_owned()))
        }
        ["api", "operations"] => (Method::GET, Route::Operations),
        ["api", "traces"] => (Method::GET, Route::Search),
        ["api", "traces", id] if !id.is_empty() => (Method::GET, Route::Trace((*id).to_owned())),
        ["api", "archive", id] if !id.is_empty() => {
            (Method::POST, Route::Archive((*id).to_owned()))
        }
        ["api", "dependencies"] => (Method::GET, Route::Dependencies),
        ["api", "metrics", "latencies"] => (Method::GET, Route::Metrics("latencies")),
        ["api", "metrics", "calls"] => (Method::GET, Route::Metrics("calls")),
        ["api", "metrics", "errors"] => (Method::GET, Route::Metrics("errors")),
        ["api", "metrics", "minstep"] => (Method::GET, Route::Metrics("minstep")),
        _ => return None,
    };
    Some((method, route))
}

impl Route {
    fn answer(&self, api: &Api, form: &Form, out: &mut AnswerWriter<'_>) -> Result<(), ApiError> {
        match self {
            Route::Services => services::services(api, form, out),
            Route::OperationNames(service) => services::operation_names(api, service, form, out),
            Route::Operations => services::operations(api, form, out),
            Route::Search => traces::search(api, form, out),
            Route::Trace(id) => traces::one(api, id, form, out),
            Route::Archive(id) => traces::archive(id),
            Route::Dependencies => dependencies::dependencies(api, form, out),
            Route::Metrics(name) => {
                api.asked.monitored(name, || monitor::metrics(api, name, form, out))
            }
            Route::V3(route) => route.answer(api, form, out).map_err(ApiError::v3),
        }
    }
}

/// Whether a web page asks, and not a script: browsers send `Referer`, and on localhost
/// `Sec-Fetch-Mode`.
pub(super) fn is_by_page(headers: &HeaderMap) -> bool {
    headers.contains_key(header::REFERER) || headers.contains_key("Sec-Fetch-Mode")
}

/// The part of a path below the base path.
fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(base).filter(|rest| rest.starts_with('/'))
}

/// The answer to a path outside of the base path: the root redirects to it.
fn outside(api: &Api, path: &str) -> Response {
    if path == "/" || path == api.base_path {
        let location = format!("{}/", api.base_path);
        return (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    }
    not_found()
}

/// The path without empty, `.` and `..` segments, if it has any.
fn clean(path: &str) -> Option<String> {
    let tricky = |segment: &str| matches!(segment, "." | "..");
    if !path.contains("//") && !path.split('/').any(tricky) {
        return None;
    }
    let mut clean: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(clean.pop()),
            segment => clean.push(segment),
        }
    }
    let end = if path.ends_with('/') && !clean.is_empty() { "/" } else { "" };
    Some(format!("/{}{end}", clean.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_s_router_cleans_them() {
        for (path, cleaned) in [
            ("//api/services", Some("/api/services")),
            ("/api/services//operations", Some("/api/services/operations")),
            ("/static/../../etc/passwd", Some("/etc/passwd")),
            ("/a/./b/", Some("/a/b/")),
            ("/..", Some("/")),
            ("/api/traces/100", None),
            ("/", None),
        ] {
            assert_eq!(clean(path).as_deref(), cleaned, "{path}");
        }
    }
}
