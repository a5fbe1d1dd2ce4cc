//! A strategy as JSON: sampling.thrift, as Jaeger's Go writes it.

use serde::Serialize;

use super::resolve::{Operations, Sampling, Strategy};
use crate::go_format::json::compact;

/// Which server answers; their answers differ a little.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// The collector.
    Collector,
    /// The agent, which also has an upper bound, always 0.
    Agent,
    /// The agent for clients of 2016, which read the type as a number.
    AgentByNumber,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StrategyJson<'a> {
    strategy_type: TypeJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilistic_sampling: Option<ProbabilityJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limiting_sampling: Option<PerSecondJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_sampling: Option<OperationsJson<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TypeJson {
    Name(&'static str),
    Number(u8),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProbabilityJson {
    sampling_rate: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PerSecondJson {
    max_traces_per_second: i16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationsJson<'a> {
    default_sampling_probability: f64,
    default_lower_bound_traces_per_second: u8,
    /// Null if there are none.
    per_operation_strategies: Option<Vec<OperationJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_upper_bound_traces_per_second: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationJson<'a> {
    operation: &'a str,
    probabilistic_sampling: ProbabilityJson,
}

/// Writes a strategy.
pub(super) fn json(strategy: &Strategy<'_>, form: Form) -> serde_json::Result<Vec<u8>> {
    let (name, number, probability, per_second) = match strategy.sampling {
        Sampling::Probability(sampling_rate) => {
            ("PROBABILISTIC", 0, Some(ProbabilityJson { sampling_rate }), None)
        }
        Sampling::PerSecond(max_traces_per_second) => {
            ("RATE_LIMITING", 1, None, Some(PerSecondJson { max_traces_per_second }))
        }
    };
    compact(&StrategyJson {
        strategy_type: match form {
            Form::AgentByNumber => TypeJson::Number(number),
            Form::Agent | Form::Collector => TypeJson::Name(name),
        },
        probabilistic_sampling: probability,
        rate_limiting_sampling: per_second,
        operation_sampling: strategy.operations.as_ref().map(|all| operations(all, form)),
    })
}

fn operations<'a>(operations: &Operations<'a>, form: Form) -> OperationsJson<'a> {
    let each = operations.each.iter().map(|&(operation, sampling_rate)| OperationJson {
        operation,
        probabilistic_sampling: ProbabilityJson { sampling_rate },
    });
    OperationsJson {
        default_sampling_probability: operations.default,
        default_lower_bound_traces_per_second: 0,
        per_operation_strategies: (!operations.each.is_empty()).then(|| each.collect()),
        default_upper_bound_traces_per_second: match form {
            Form::Collector => None,
            Form::Agent | Form::AgentByNumber => Some(0),
        },
    }
}
