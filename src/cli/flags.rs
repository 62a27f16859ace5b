//! A flag for every value of the contract.

use std::time::Duration;

use clap::Args;

use crate::subject::{Business, Declared, Form, Waiver, parse_size};

/// What these flags stand under in the help.
pub(super) const HEADING: &str = "Contract";

/// What the suite must know of the stack. Each flag wins over the key of the same name under `x-seaworthy` in the compose
/// file; what neither gives is detected where it is obvious.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub(super) struct ContractFlags {
    /// The service under test; may be repeated, each is then checked by itself
    #[arg(long, value_name = "SERVICE")]
    app: Vec<String>,
    /// The port on which the app serves
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The path that answers 2xx when the app can serve and 503 when it can't; or a URL, tcp:PORT, grpc:SERVICE, exec:COMMAND,
    /// log:REGEX, healthcheck, runs, a protocol such as redis, or JSON with path, host, headers… as in the compose file
    #[arg(long, value_name = "PATH|FORM", value_parser = Form::read_flag)]
    readiness: Option<Form>,
    /// The path that answers 2xx as long as the process lives; or another form, as for --readiness
    #[arg(long, value_name = "PATH|FORM", value_parser = Form::read_flag)]
    liveness: Option<Form>,
    /// A path that uses the dependencies; or, of a worker, the commands that put in a unit of work and say whether it is done, as JSON:
    /// {"exec": [COMMAND], "done": [COMMAND]}
    #[arg(long, value_name = "PATH|WORK", value_parser = Business::read_flag)]
    business: Option<Business>,
    /// The services that the app needs
    #[arg(long, value_name = "SERVICES", value_delimiter = ',')]
    dependencies: Option<Vec<String>>,
    /// How long the app may take until it is ready, such as 90s [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    startup_limit: Option<Duration>,
    /// The exit statuses that count as a clean stop [default: 0,143]
    #[arg(long, value_name = "STATUSES", value_delimiter = ',')]
    stop_status: Option<Vec<i64>>,
    /// The statuses with which readiness says that the app can't serve [default: 503]
    #[arg(long, value_name = "STATUSES", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(100..=599))]
    unready: Option<Vec<u16>>,
    /// A probe that takes longer counts as hung [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    probe_timeout: Option<Duration>,
    /// How long readiness may take to turn 503 in an outage [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    outage_limit: Option<Duration>,
    /// How long the app may take to be ready again after an outage [default: 15s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    recovery_limit: Option<Duration>,
    /// The largest allowed size of the image's files, such as 300m [default: none]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    image_size_limit: Option<u64>,
    /// Accept the failure of a check for now, with the reason; may be repeated
    #[arg(long = "waivers", value_name = "CHECK=REASON", value_parser = waiver)]
    waivers: Vec<Waiver>,
}

impl From<ContractFlags> for Declared {
    fn from(flags: ContractFlags) -> Self {
        Self {
            app: flags.app,
            apps: None,
            port: flags.port,
            readiness: flags.readiness,
            liveness: flags.liveness,
            business: flags.business,
            dependencies: flags.dependencies,
            startup_limit: flags.startup_limit,
            stop_status: flags.stop_status,
            unready: flags.unready,
            probe_timeout: flags.probe_timeout,
            outage_limit: flags.outage_limit,
            recovery_limit: flags.recovery_limit,
            image_size_limit: flags.image_size_limit,
            waivers: flags.waivers,
        }
    }
}

fn waiver(text: &str) -> Result<Waiver, String> {
    let (check, reason) = text.split_once('=').ok_or("write it as CHECK=REASON")?;
    Ok(Waiver { check: check.to_owned(), reason: reason.to_owned(), expires: None })
}
