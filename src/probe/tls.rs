//! TLS, by rustls with ring: whom a server's certificate has to be signed by.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::causes::with_causes;
use crate::subject::Tls;

/// How a client looks at certificates. The error says what is wrong with the file of an authority.
pub(super) fn config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| with_causes(&error))?;
    let roots = match tls {
        Tls::Insecure => {
            let verifier = Arc::new(Anybody(provider));
            return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
        }
        Tls::Authority(file) => authority(file)?,
        Tls::Public => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What makes connections, with the protocols that are offered.
pub(super) fn connector(tls: &Tls, protocols: &[&[u8]]) -> Result<TlsConnector, String> {
    let mut config = config(tls)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Whether a server takes part in a handshake.
pub(super) async fn speaks_it(socket: SocketAddr, limit: Duration) -> bool {
    let Ok(config) = config(&Tls::Insecure) else { return false };
    let name = ServerName::IpAddress(socket.ip().into());
    let handshake = async {
        let stream = TcpStream::connect(socket).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    timeout(limit, handshake).await.is_ok_and(|made| made.is_ok())
}

/// The certificates of a file in PEM. The error says why there are none.
pub fn authority(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let wrong = |why: String| format!("the certificate {} can't be read: {why}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(with_causes(&error)))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(with_causes(&error)))?;
        roots.add(certificate).map_err(|error| wrong(with_causes(&error)))?;
    }
    if roots.is_empty() { Err(wrong("it holds none in PEM".into())) } else { Ok(roots) }
}

/// Takes any certificate; that the server has its key is still proved.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
