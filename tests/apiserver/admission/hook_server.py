"""A webhook for tests: a TLS server of its own in this event loop, whose answers the test decides."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[dict[str, Any]], Any]


@cache
def certificate(name: str) -> tuple[bytes, bytes]:
    """Return a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), secret


class HookServer:
    """Answers reviews; keeps what it was asked."""

    def __init__(self, answer: Answer, port: int, bundle: bytes) -> None:
        self.answer = answer
        self.port = port
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.config = {
            "service": {"namespace": "n", "name": "hook", "path": "/ask", "port": 443},
            "caBundle": base64.b64encode(bundle).decode(),
        }

    def services(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        """Return the Service of the webhook and its endpoint."""
        service = {"metadata": {"name": "hook", "namespace": "n"}, "spec": {"ports": [{"port": 443}]}}
        piece = {
            "metadata": {"name": "hook-1", "namespace": "n", "labels": {"kubernetes.io/service-name": "hook"}},
            "ports": [{"name": "", "port": self.port}],
            "endpoints": [{"addresses": ["127.0.0.1"]}],
        }
        return ("", "services", service), ("discovery.k8s.io", "endpointslices", piece)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.paths.append(head.split(" ")[1])
        length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("Content-Length"))
        review = json.loads(await reader.readexactly(length))
        self.asked.append(review["request"])
        answer = self.answer(review["request"])
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, bytes):
            writer.write(answer)
        else:
            answer = {"uid": review["request"]["uid"], "allowed": True, **answer}
            whole = {"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": answer}
            body = json.dumps(whole).encode()
            half = len(body) // 2
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in (body[:half], body[half:], b""):
                writer.write(b"%x\r\n%b\r\n" % (len(part), part))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def hook_server(answer: Answer, name: str = "hook.n.svc") -> Any:
    """Run a webhook on loopback."""
    made, secret = certificate(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(made + secret)
        context.load_cert_chain(path)
    hook = HookServer(answer, 0, made)
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0, ssl=context)
    hook.port = server.sockets[0].getsockname()[1]
    try:
        yield hook
    finally:
        server.close()
        await server.wait_closed()


def patch(*operations: dict[str, Any]) -> dict[str, str]:
    """Return the members of an answer that changes the object."""
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(list(operations)).encode()).decode()}
