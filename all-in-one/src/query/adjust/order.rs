//! Sorts a log's fields: `event` first, the others by name.

use std::cmp::Ordering;

use super::view::View;
use crate::model::{KeyValue, Value};

pub(super) fn adjust(trace: &mut [View]) {
    for view in trace {
        for log in &mut view.logs {
            sort(&mut log.fields);
        }
    }
}

fn sort(fields: &mut [KeyValue]) {
    let is_event =
        |field: &KeyValue| &*field.key == "event" && matches!(field.value, Value::String(_));
    let event = fields.iter().position(is_event);
    if let Some(event) = event {
        fields.swap(0, event);
    }
    let others = &mut fields[usize::from(event.is_some())..];
    others.sort_by(by_key);
}

/// The order of fields and of tags.
pub(super) fn by_key(a: &KeyValue, b: &KeyValue) -> Ordering {
    a.key.cmp(&b.key).then_with(|| a.value.order(&b.value))
}
