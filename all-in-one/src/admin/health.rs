//! The health check, in Jaeger's format. Its port is open exactly as long as all others are, so
//! every answer is a good one.

use std::time::{Instant, SystemTime};

use serde::Serialize;

use crate::go_format::durations::format_duration;
use crate::go_format::times::rfc3339;

/// When the all-in-one started.
#[derive(Debug)]
pub(super) struct Health {
    since: SystemTime,
    started: Instant,
}

#[derive(Serialize)]
struct HealthJson {
    status: &'static str,
    #[serde(rename = "upSince")]
    up_since: String,
    uptime: String,
}

impl Health {
    pub(super) fn since_now() -> Self {
        Health { since: SystemTime::now(), started: Instant::now() }
    }

    pub(super) fn json(&self) -> String {
        let uptime = i128::try_from(self.started.elapsed().as_nanos()).unwrap_or(i128::MAX);
        let health = HealthJson {
            status: "Server available",
            up_since: rfc3339(self.since),
            uptime: format_duration(uptime),
        };
        serde_json::to_string(&health).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_is_jaeger_s() {
        let json: serde_json::Value =
            serde_json::from_str(&Health::since_now().json()).expect("JSON");
        assert_eq!(json["status"], "Server available");
        assert!(json["upSince"].as_str().is_some_and(|since| since.ends_with('Z')), "{json}");
        assert!(json["uptime"].as_str().is_some_and(|time| time.ends_with('s')), "{json}");
    }
}
