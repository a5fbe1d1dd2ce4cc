//! The embedded Jaeger of the checker.

use jaeger_all_in_one::{AllInOne, Config, Port, StartError};

/// What the course uses. Other ports stay closed.
const PORTS: [Port; 6] = [
    Port::AgentCompact,
    Port::AgentBinary,
    Port::Collector,
    Port::Sampling,
    Port::OtlpHttp,
    Port::Query,
];

/// Starts it on Jaeger's own ports. Where one is taken, the system chooses another for that one, so
/// that a Jaeger that is already there is not disturbed.
///
/// # Errors
/// If no port can be opened.
pub fn start() -> Result<AllInOne, StartError> {
    start_near(Config::default())
}

/// The same from other settings.
///
/// # Errors
/// If no port can be opened.
pub fn start_near(config: Config) -> Result<AllInOne, StartError> {
    let unused = Port::ALL.into_iter().filter(|port| !PORTS.contains(port));
    let mut config = unused.fold(config, Config::close);
    // Another program may take a further port between two attempts: each leaves fewer to be taken.
    for _ in PORTS {
        match AllInOne::start_with(config.clone()) {
            Err(StartError::Bind(taken)) => {
                config = taken.iter().fold(config, |config, error| config.listen(error.port, 0));
            }
            started => return started,
        }
    }
    AllInOne::start_with(config)
}

/// Which of its ports are not Jaeger's usual ones, in one line; `None` if all are.
pub fn other_ports(jaeger: &AllInOne) -> Option<String> {
    let other = |port: Port| {
        let number = jaeger.address(port)?.port();
        (number != port.number()).then(|| format!("{} is {number}", port.number()))
    };
    let others: Vec<_> = PORTS.into_iter().filter_map(other).collect();
    (!others.is_empty())
        .then(|| format!("Some of Jaeger's ports are taken: {}.", others.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_taken_port_is_replaced() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let number = taken.local_addr().expect("its address").port();
        // Another process may take the free port in between; hardly each time.
        let kept = (0..10).any(|_| {
            let free = TcpListener::bind("127.0.0.1:0").expect("a port");
            let other = free.local_addr().expect("its address").port();
            drop(free);
            let config = Config::ephemeral();
            let config = config.listen(Port::Query, number).listen(Port::OtlpHttp, other);
            let jaeger = start_near(config).expect("a Jaeger");
            assert_ne!(jaeger.address(Port::Query).expect("open").port(), number);
            assert_eq!(jaeger.address(Port::Admin), None);
            let line = other_ports(&jaeger).expect("other ports");
            assert!(line.contains("16686 is ") && line.contains("4318 is "), "{line}");
            jaeger.address(Port::OtlpHttp).expect("open").port() == other
        });
        assert!(kept);
    }
}
