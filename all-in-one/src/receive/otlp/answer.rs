//! The answers to an export, in protobuf and in JSON.

use serde_json::{Value, json};

use crate::receive::protobuf::message::Message;

/// Why spans are refused that are well formed.
const INVALID_IDS: &str = "trace ids have 16 bytes and span ids 8, and neither is all zero";

/// An `ExportTraceServiceResponse`: its `partial_success` says how many spans were refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExportAnswer {
    pub(super) refused: u64,
}

impl ExportAnswer {
    pub(super) fn protobuf(self) -> Vec<u8> {
        let mut answer = Message::default();
        if self.refused > 0 {
            let mut partial = Message::default();
            partial.varint(1, self.refused);
            partial.bytes(2, INVALID_IDS.as_bytes());
            answer.message(1, &partial);
        }
        answer.into_bytes()
    }

    pub(super) fn json(self) -> Value {
        match self.refused {
            0 => json!({}),
            refused => json!({ "partialSuccess": {
                "rejectedSpans": refused.to_string(),
                "errorMessage": INVALID_IDS,
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
