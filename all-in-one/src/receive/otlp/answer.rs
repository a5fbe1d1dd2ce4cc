//! The answers to an export, in protobuf and in JSON.

use serde_json::{Value, json};

use crate::protobuf::message::Message;

/// An `ExportTraceServiceResponse`: its `partial_success` says how many spans were refused, and why.
/// Without a refused span it is a warning.
#[derive(Debug, Default)]
pub(super) struct ExportAnswer {
    pub(super) refused: u64,
    pub(super) why: Option<String>,
}

impl ExportAnswer {
    pub(super) fn protobuf(&self) -> Vec<u8> {
        let mut answer = Message::default();
        if let Some(why) = &self.why {
            let mut partial = Message::default();
            if self.refused > 0 {
                partial.varint(1, self.refused);
            }
            partial.bytes(2, why.as_bytes());
            answer.message(1, &partial);
        }
        answer.into_bytes()
    }

    pub(super) fn json(&self) -> Value {
        match &self.why {
            None => json!({}),
            Some(why) => json!({ "partialSuccess": {
                "rejectedSpans": self.refused.to_string(),
                "errorMessage": why,
            }}),
        }
    }
}

/// A `google.rpc.Status`: an error's code of gRPC, and its message.
#[derive(Debug)]
pub(super) struct ErrorAnswer {
    pub(super) code: u32,
    pub(super) message: String,
}

impl ErrorAnswer {
    pub(super) fn protobuf(&self) -> Vec<u8> {
        let mut status = Message::default();
        status.varint(1, self.code.into());
        status.bytes(2, self.message.as_bytes());
        status.into_bytes()
    }

    pub(super) fn json(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}
