//! A node's key as TLS wants it: ed25519, raw, known beforehand.

use std::sync::Arc;

use llmnet_types::signature::{PrivateKey, PublicKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature_with_raw_key},
    pki_types::{
        CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
    },
    server::{
        AlwaysResolvesServerRawPublicKeys,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};

use crate::{LinkError, Settings};

/// The protocol and its version, as TLS compares them (RFC 7301).
pub(crate) const PROTOCOL: &[u8] = b"llmnet-link/1";
/// What stands before the 32 bytes of an ed25519 public key (RFC 8410, 4).
const PUBLIC_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// What stands before the 32 bytes of an ed25519 seed (RFC 8410, 7).
const PRIVATE_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

fn key_of(spki: &[u8]) -> Option<PublicKey> {
    let key = spki.strip_prefix(&PUBLIC_PREFIX)?;
    Some(PublicKey(key.try_into().ok()?))
}

/// Whose key a peer has proven to have; none if it proved none.
pub(crate) fn peer_of(certificates: Option<&[CertificateDer<'_>]>) -> Option<PublicKey> {
    match certificates {
        Some([one]) => key_of(one),
        _ => None,
    }
}

/// How the side that dials proves itself and whom it expects.
pub(crate) fn dialing(
    settings: &Settings,
    expected: PublicKey,
) -> Result<Arc<ClientConfig>, LinkError> {
    let (provider, own) = (Arc::new(aws_lc_rs::default_provider()), own(&settings.key)?);
    let verifier = Known {
        expected: Some(expected),
        algorithms: provider.signature_verification_algorithms,
    };
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&TLS13]).map_err(unusable)?;
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(own)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.enable_sni = false;
    // Each link proves both keys anew.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// How the side that listens proves itself; who dials may be anybody that has a key.
pub(crate) fn listening(settings: &Settings) -> Result<Arc<ServerConfig>, LinkError> {
    let (provider, own) = (Arc::new(aws_lc_rs::default_provider()), own(&settings.key)?);
    let verifier = Known {
        expected: None,
        algorithms: provider.signature_verification_algorithms,
    };
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&TLS13]).map_err(unusable)?;
    let mut config = config
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(own)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn unusable(error: Error) -> LinkError {
    LinkError::Key(error.to_string())
}

fn own(key: &PrivateKey) -> Result<Arc<CertifiedKey>, LinkError> {
    let private = [&PRIVATE_PREFIX[..], &key.to_seed()].concat();
    let signer = aws_lc_rs::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(private));
    let public = [&PUBLIC_PREFIX[..], &key.public_key().0].concat();
    let public = vec![CertificateDer::from(public)];
    Ok(Arc::new(CertifiedKey::new(
        public,
        signer.map_err(unusable)?,
    )))
}

/// Takes ed25519 keys, that of one peer or anybody's. That the peer has the private half, TLS's own signature shows.
#[derive(Debug)]
struct Known {
    expected: Option<PublicKey>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Known {
    fn check(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        let found = key_of(shown).ok_or(CertificateError::BadEncoding)?;
        match self.expected {
            Some(expected) if expected != found => Err(Error::General(format!("{found} is there"))),
            _ => Ok(()),
        }
    }

    fn verify(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(shown.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }
}

fn too_old() -> Error {
    PeerIncompatible::Tls12NotOffered.into()
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(shown).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Known {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(shown).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
