//! How containers are reached from here: at their own addresses where the engine's networks belong to this machine, through
//! published ports elsewhere (a virtual machine, a rootless engine, another machine).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::str::FromStr;

use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{ContainerInspectResponse, PortMap};
use testcontainers::bollard::query_parameters::InspectNetworkOptions;

use super::EngineError;

/// The network that every engine has, unless it was told to have none.
const DEFAULT_NETWORK: &str = "bridge";

/// The way to the containers of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// At their own addresses.
    Direct,
    /// Through ports that are published at this address.
    Published(IpAddr),
}

/// The way that the user asks for, instead of the one that suits the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedAccess {
    /// At the containers' own addresses.
    Direct,
    /// Through published ports.
    Published,
}

impl FromStr for AskedAccess {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "direct" => Ok(Self::Direct),
            "published" => Ok(Self::Published),
            _ => Err("it is `direct` or `published`".into()),
        }
    }
}

/// Where the ports of one running container are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every port at the container's own address.
    Direct(IpAddr),
    /// These ports, published elsewhere.
    Published(BTreeMap<u16, SocketAddr>),
}

impl Reach {
    /// Where one of its ports is; nothing when it is not published.
    #[must_use]
    pub fn socket(&self, port: u16) -> Option<SocketAddr> {
        match self {
            Self::Direct(address) => Some(SocketAddr::new(*address, port)),
            Self::Published(ports) => ports.get(&port).copied(),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => formatter.write_str("at their own addresses"),
            Self::Published(address) => write!(formatter, "through ports published at {address}"),
        }
    }
}

impl Access {
    /// The way that the user asks for, or else the one that suits the engine at this address.
    pub(super) async fn find(docker: &Docker, host: &str, kernel: &str, asked: Option<AskedAccess>) -> Result<Self, EngineError> {
        let address = address_of(host)?;
        let suits = asked.is_none() && is_ours(address) && is_this_kernel(kernel) && has_its_networks_here(docker).await;
        Ok(if suits || asked == Some(AskedAccess::Direct) { Self::Direct } else { Self::Published(address) })
    }

    /// The address that ports are published at: nobody else's business where the engine is on this machine.
    #[must_use]
    pub fn published_at(self) -> Option<IpAddr> {
        match self {
            Self::Direct => None,
            Self::Published(address) if is_ours(address) => Some(Ipv4Addr::LOCALHOST.into()),
            Self::Published(_) => Some(Ipv4Addr::UNSPECIFIED.into()),
        }
    }

    /// Where the ports of a container are; nothing when it has no address.
    pub(super) fn reach(self, inspected: &ContainerInspectResponse) -> Option<Reach> {
        let settings = inspected.network_settings.as_ref()?;
        match self {
            Self::Direct => {
                let mut addresses: Vec<(&String, IpAddr)> = settings
                    .networks
                    .iter()
                    .flatten()
                    .filter_map(|(name, network)| Some((name, network.ip_address.as_deref()?.parse().ok()?)))
                    .collect();
                // The engine lists networks in no particular order.
                addresses.sort();
                addresses.first().map(|&(_, address)| Reach::Direct(address))
            }
            Self::Published(address) => {
                let ports = published(settings.ports.as_ref()?, address);
                (!ports.is_empty()).then_some(Reach::Published(ports))
            }
        }
    }
}

fn published(ports: &PortMap, address: IpAddr) -> BTreeMap<u16, SocketAddr> {
    let published = ports.iter().filter_map(|(port, bindings)| {
        let port = port.strip_suffix("/tcp")?.parse().ok()?;
        let host_port = bindings.iter().flatten().find_map(|binding| binding.host_port.as_deref()?.parse().ok())?;
        Some((port, SocketAddr::new(address, host_port)))
    });
    published.collect()
}

/// The address of the machine that an engine is on.
fn address_of(host: &str) -> Result<IpAddr, EngineError> {
    let unsupported = || EngineError::Unsupported { host: host.to_owned() };
    let (scheme, rest) = host.split_once("://").ok_or_else(unsupported)?;
    match scheme {
        "unix" => Ok(Ipv4Addr::LOCALHOST.into()),
        "tcp" | "http" | "https" => {
            let authority = rest.trim_end_matches('/');
            let authority = if authority.rsplit(']').next().is_some_and(|end| end.contains(':')) {
                authority.to_owned()
            } else {
                format!("{authority}:2375")
            };
            let mut found = authority.to_socket_addrs().map_err(|_| unsupported())?;
            found.next().map(|socket| socket.ip()).ok_or_else(unsupported)
        }
        _ => Err(unsupported()),
    }
}

/// Whether an address is one of this machine's own: only then can a socket be bound to it.
fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Whether the engine runs on this machine's kernel, and not in a virtual machine beside it.
fn is_this_kernel(kernel: &str) -> bool {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|release| release.trim() == kernel)
}

/// Whether the engine's networks end on this machine. Those of a rootless engine end in a namespace of its own.
async fn has_its_networks_here(docker: &Docker) -> bool {
    let Ok(network) = docker.inspect_network(DEFAULT_NETWORK, None::<InspectNetworkOptions>).await else { return false };
    let configs = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    configs.iter().filter_map(|config| config.gateway.as_deref()?.parse().ok()).any(is_ours)
}

#[cfg(test)]
mod tests {
    use testcontainers::bollard::models::PortBinding;

    use super::*;

    #[test]
    fn the_engines_machine_is_read_from_its_address() {
        for (host, address) in [
            ("unix:///var/run/docker.sock", Some("127.0.0.1")),
            ("tcp://10.1.2.3:2376", Some("10.1.2.3")),
            ("tcp://10.1.2.3", Some("10.1.2.3")),
            ("tcp://[::1]:2375/", Some("::1")),
            ("ssh://me@there", None),
            ("nonsense", None),
        ] {
            let found = address_of(host).ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), address, "{host}");
        }
    }

    #[test]
    fn published_ports_are_looked_up() {
        let binding = |port: &str| PortBinding { host_ip: Some("0.0.0.0".into()), host_port: Some(port.into()) };
        let ports = PortMap::from([("80/tcp".into(), Some(vec![binding("32768")])), ("53/udp".into(), Some(vec![binding("9")]))]);
        let reach = Reach::Published(published(&ports, Ipv4Addr::LOCALHOST.into()));
        assert_eq!(reach.socket(80), Some(SocketAddr::from(([127, 0, 0, 1], 32768))));
        assert_eq!((reach.socket(53), reach.socket(81)), (None, None));
    }
}
