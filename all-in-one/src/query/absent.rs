//! In place of `/api/v3`, `/api/metrics` and `/api/dependencies`: nothing is there.

use axum::http::StatusCode;

use super::api::Api;
use super::errors::ApiError;
use super::stream::AnswerWriter;
use crate::server::form::Form;

pub(super) mod v3 {
    use super::{AnswerWriter, Api, ApiError, Form};

    pub(in crate::query) enum Route {}

    impl Route {
        pub(in crate::query) fn find(_segments: &[&str]) -> Option<Self> {
            None
        }

        pub(in crate::query) fn answer(
            &self,
            _api: &Api,
            _form: &Form,
            _out: &mut AnswerWriter<'_>,
        ) -> Result<(), ApiError> {
            match *self {}
        }
    }
}

pub(super) mod monitor {
    use super::{AnswerWriter, Api, ApiError, Form, no_answer};

    pub(in crate::query) fn metrics(
        _api: &Api,
        _name: &str,
        _form: &Form,
        _out: &mut AnswerWriter<'_>,
    ) -> Result<(), ApiError> {
        no_answer()
    }
}

pub(super) mod dependencies {
    use super::{AnswerWriter, Api, ApiError, Form, no_answer};

    pub(in crate::query) fn dependencies(
        _api: &Api,
        _form: &Form,
        _out: &mut AnswerWriter<'_>,
    ) -> Result<(), ApiError> {
        no_answer()
    }
}

fn no_answer() -> Result<(), ApiError> {
    let why = "not built in: turn on the feature `query` of jaeger-all-in-one";
    Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, why))
}
