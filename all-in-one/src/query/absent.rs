//! In place of `/api/v3` and `/api/metrics`: nothing is there.

pub(super) mod v3 {
    use crate::query::api::Api;
    use crate::query::errors::ApiError;
    use crate::query::stream::AnswerWriter;
    use crate::server::form::Form;

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
    use axum::http::StatusCode;

    use crate::query::api::Api;
    use crate::query::errors::ApiError;
    use crate::query::stream::AnswerWriter;
    use crate::server::form::Form;

    const NO_METRICS: &str = "no metrics here: turn on the feature `query` of jaeger-all-in-one";

    pub(in crate::query) fn metrics(
        _api: &Api,
        _name: &str,
        _form: &Form,
        _out: &mut AnswerWriter<'_>,
    ) -> Result<(), ApiError> {
        Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, NO_METRICS))
    }
}
