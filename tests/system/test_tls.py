"""The listener with TLS: its protocol, its certificate, and a new one without dropping anybody."""
import http.client
import shutil
import signal
import socket
import ssl
import subprocess

import pytest

from conftest import make_folder
from sallyport import Client, Server, eventually


def make_certificate(folder, name, serial):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-set_serial", str(serial),
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"], check=True, capture_output=True)
    (folder / f"{name}.key").chmod(0o600)


def use(folder, name):
    """Makes it the configured one, as tools do: a new file in place of the old."""
    for end in ("crt", "key"):
        shutil.copy2(folder / f"{name}.{end}", folder / f"new.{end}")
        (folder / f"new.{end}").rename(folder / f"tls.{end}")


def context_for(folder, name):
    context = ssl.create_default_context(cafile=folder / f"{name}.crt")
    return context


class TlsServer(Server):
    def client(self, token=..., **more):
        return super().client(token, context=context_for(self.folder, self.trusted), **more)

    def is_ready(self):
        try:
            return Client(self.port, context=context_for(self.folder, self.trusted), timeout=5).get("/readyz").status == 200
        except OSError:
            return False


@pytest.fixture
def tls():
    folder = make_folder()
    make_certificate(folder, "first", 1001)
    make_certificate(folder, "second", 1002)
    use(folder, "first")
    server = TlsServer(folder, config={"tls": {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}}, start=False)
    server.trusted = "first"
    server.init()
    with server.start():
        yield server
    shutil.rmtree(folder, ignore_errors=True)


def serial(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 5) as s, context.wrap_socket(s, server_hostname="localhost") as t:
        text = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-serial"], input=t.getpeercert(True), capture_output=True)
        return int(text.stdout.decode().split("=")[1], 16)


def test_requests_go_through_tls(tls):
    answer = tls.api.get("/api/v1/identity")
    assert answer.status == 200 and answer.json["auditPublic"]


def test_plain_http_gets_nothing(tls):
    with pytest.raises((http.client.HTTPException, OSError)):
        Client(tls.port, tls.token, timeout=5).get("/healthz")
    assert tls.is_ready()


@pytest.mark.parametrize("version,works", [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_1, False)])
def test_versions(tls, version, works):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls.folder / "first.crt")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    if works:
        assert Client(tls.port, context=context).get("/healthz").status == 200
    else:
        with pytest.raises(ssl.SSLError):
            Client(tls.port, context=context).get("/healthz")


def test_new_certificate_without_dropping_anybody(tls):
    open_one = tls.client()
    assert open_one.get("/api/v1/workflows").status == 200
    kept = open_one.connection.sock
    assert serial(tls.port) == 1001
    use(tls.folder, "second")
    tls.process.send_signal(signal.SIGHUP)
    eventually(lambda: serial(tls.port) == 1002, 5, "the new certificate")
    assert open_one.get("/api/v1/workflows").status == 200 and open_one.connection.sock is kept, "the open connection goes on"
    tls.trusted = "second"
    assert Client(tls.port, tls.token, context_for(tls.folder, "second")).get("/api/v1/workflows").status == 200


def test_bad_new_certificate_leaves_the_old_one(tls):
    (tls.folder / "bad").write_text("nonsense")
    (tls.folder / "bad").rename(tls.folder / "tls.crt")
    tls.process.send_signal(signal.SIGHUP)
    eventually(lambda: "reload" in tls.log(), 5, "a word about it in the log")
    assert serial(tls.port) == 1001
    assert tls.api.get("/api/v1/workflows").status == 200


def test_key_that_others_can_read_is_refused(tls):
    tls.stop()
    (tls.folder / "tls.key").chmod(0o644)
    tls.start(wait=False)
    assert tls.process.wait(20) == 3 and "tls.key" in tls.log()
