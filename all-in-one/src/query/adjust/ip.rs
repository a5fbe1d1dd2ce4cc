//! Shows IPv4 addresses with dots: old clients send them as numbers.

use std::net::Ipv4Addr;

use super::order::by_key;
use super::view::{View, change_processes};
use crate::model::{KeyValue, Process, Value};

pub(super) fn adjust(trace: &mut [View]) {
    for view in trace.iter_mut() {
        dot(&mut view.tags);
    }
    change_processes(trace, |process: &mut Process| {
        dot(&mut process.tags);
        process.tags.sort_by(by_key);
    });
}

fn dot(tags: &mut [KeyValue]) {
    for tag in tags.iter_mut().filter(|tag| matches!(&*tag.key, "ip" | "peer.ipv4")) {
        let number = match tag.value {
            Value::Int64(number) => number as u32,
            Value::Float64(number) => number as i64 as u32,
            _ => continue,
        };
        tag.value = Value::String(Ipv4Addr::from(number).to_string().into());
    }
}
