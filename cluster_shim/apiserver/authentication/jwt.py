"""Keys and signatures of JSON web tokens: RS256 with RSA keys, ES256/384/512 with keys on the NIST curves.

Hand-written around `cryptography`: a token names its algorithm, but the key decides which one counts, so that neither
``none`` nor a MAC with a public key can pass; and errors have the texts that clients of upstream see.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
    Public = RSAPublicKey | EllipticCurvePublicKey

BAD_SIGNATURE = "go-jose/go-jose: error in cryptographic primitive"

_CURVES = {
    256: ("ES256", "P-256", "SHA256", 32),
    384: ("ES384", "P-384", "SHA384", 48),
    521: ("ES512", "P-521", "SHA512", 66),
}
"""Bits of the curve -> algorithm, name of the curve, hash, bytes of each half of a signature."""


class InvalidToken(Exception):
    """Not signed by the key that it names."""


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return what base64url without padding says. Raises ValueError."""
    if "=" in text or not text.isascii():
        raise ValueError("not base64url without padding")
    try:
        return base64.b64decode(text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


_STANDARD = str.maketrans({"-": "+", "_": "/", "+": " ", "/": " "})


class PublicKey:
    """A key that verifies; `id` is what headers of tokens call it (upstream: the hash of its DER form)."""

    def __init__(self, key: Public) -> None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = key
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.id = encode(hashlib.sha256(der).digest())
        self.algorithm = "RS256" if isinstance(key, RSAPublicKey) else _CURVES[key.curve.key_size][0]

    def verify(self, algorithm: str, signed: bytes, signature: bytes) -> None:
        """Check a signature. Raises InvalidToken."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        if algorithm != self.algorithm:
            raise InvalidToken(BAD_SIGNATURE)
        try:
            if isinstance(self._key, RSAPublicKey):
                self._key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
                return
            _, _, digest, half = _CURVES[self._key.curve.key_size]
            if len(signature) != 2 * half:
                raise InvalidToken(BAD_SIGNATURE)
            halves = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
            self._key.verify(encode_dss_signature(*halves), signed, ec.ECDSA(getattr(hashes, digest)()))
        except InvalidSignature:
            raise InvalidToken(BAD_SIGNATURE) from None

    def jwk(self) -> dict[str, str]:
        """Return the key as a JSON web key."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        common = {"use": "sig", "kid": self.id, "alg": self.algorithm}
        if isinstance(self._key, RSAPublicKey):
            rsa = self._key.public_numbers()
            return {**common, "kty": "RSA", "n": _number(rsa.n), "e": _number(rsa.e)}
        point = self._key.public_numbers()
        _, curve, _, half = _CURVES[self._key.curve.key_size]
        return {**common, "kty": "EC", "crv": curve, "x": _number(point.x, half), "y": _number(point.y, half)}


class Signer:
    """A key that signs."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a signed token with these claims."""
        header = {"alg": self.public.algorithm, "kid": self.public.id}
        signed = f"{encode(msgspec.json.encode(header))}.{encode(msgspec.json.encode(claims))}"
        return f"{signed}.{encode(self._signature(signed.encode()))}"

    def _signature(self, signed: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        _, _, digest, half = _CURVES[self._key.curve.key_size]
        halves = decode_dss_signature(self._key.sign(signed, ec.ECDSA(getattr(hashes, digest)())))
        return b"".join(each.to_bytes(half) for each in halves)


class Token:
    """A token that has been taken apart; nothing of it is verified."""

    def __init__(self, text: str) -> None:
        """Take a token apart. Raises ValueError if it is none."""
        parts = text.split(".")
        if len(parts) != 3:
            raise ValueError("a token has three parts")
        try:
            header, claims = (msgspec.json.decode(decode(part)) for part in parts[:2])
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from error
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise ValueError("header and claims are objects")
        self._signed = f"{parts[0]}.{parts[1]}".encode()
        self._signature = decode(parts[2])
        self.header: dict[str, Any] = header
        self.claims: dict[str, Any] = claims

    def verify(self, keys: Iterable[PublicKey]) -> None:
        """Check the signature with the keys that the token may mean. Raises InvalidToken."""
        wanted = self.header.get("kid")
        candidates = [key for key in keys if not wanted or key.id == wanted]
        if not candidates:
            raise InvalidToken("invalid signature, no keys found")
        for number, key in enumerate(candidates, start=1):
            try:
                return key.verify(str(self.header.get("alg")), self._signed, self._signature)
            except InvalidToken:
                if number == len(candidates):
                    raise


def verified_claims(text: str, issuers: Collection[str], keys: Iterable[PublicKey]) -> dict[str, Any] | None:
    """Return the claims of a token of one of the issuers, None if it is of another, or is none. Raises InvalidToken."""
    try:
        token = Token(text)
    except ValueError:
        return None
    issuer = token.claims.get("iss")
    if not isinstance(issuer, str) or issuer not in issuers:
        return None
    token.verify(keys)
    return token.claims


def _number(number: int, size: int = 0) -> str:
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8))
