"""Calls over TLS, with Python's ssl at both ends. Run by tests/flow/tls, with the call log's path and names of cases.
Certificates are in the current directory: see there."""
import json
import os
import queue
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request

from sip import CARRIER, Dialog, metrics, run_cases, wait_until
from sip_tls import FRONT, Carrier, Region
from tls_calls import ended, established, name_trunk, region_is, reload

CHECK = [os.path.join(os.environ["BUILD"], "tandemd"), "-t", "-c", "tandem.yaml"]
region = Region("region")


def a_call():
    carrier = Carrier()
    dialog, invite = established(carrier, region)
    assert invite.all("Via")[0].startswith("SIP/2.0/TLS "), invite.all("Via")
    assert "transport=tls" in invite.all("Record-Route")[0], invite.all("Record-Route")
    assert all("transport=tls" in route for route in dialog.routes), dialog.routes
    ended(carrier, dialog, region)


def old_versions_are_refused():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations("ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        Carrier(context)
    except OSError:
        return
    raise AssertionError("TLS 1.1 was taken")


def each_version():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations("ca.pem")
        context.minimum_version = context.maximum_version = version
        Carrier(context).options()


def a_wrong_name():
    region_is(True)
    region.use("other")
    region.close_all()
    region_is(False)
    with urllib.request.urlopen("http://127.0.0.1:8080/v1/regions/region-1", timeout=5) as answer:
        error = json.load(answer)["targets"][0]["last_error"]
    region.use("region")
    region_is(True)
    assert "mismatch" in error, error


def resumed_to_the_region():
    """The node keeps what resumes its connection: the next one costs no full handshake."""
    region_is(True)
    before = metrics()['sip_connections_total{event="tls_resumed"}']

    def again():
        region.close_all()
        wait_until("a new connection", lambda: region.connections, 20)
        threading.Event().wait(1.2)  # the node looks for tickets each second
        return metrics()['sip_connections_total{event="tls_resumed"}'] > before
    wait_until("a resumed connection", again, 30)
    region_is(True)


def resumed_by_the_carrier():
    first = Carrier()
    first.options()  # TLS 1.3's tickets come with the first data
    second = Carrier(first.context, first.socket.session)
    assert second.socket.session_reused
    second.options()


def certificate_replaced():
    """By a reload, under a call: its connection stays, new ones get the new certificate."""
    before = Carrier()
    dialog, _ = established(before, region)
    os.rename("node.pem", "node.was.pem")
    os.rename("node.key", "node.was.key")
    os.rename("next.pem", "node.pem")
    os.rename("next.key", "node.key")
    reload()
    wait_until("the new certificate", lambda: Carrier().serial != before.serial, 10)
    ended(before, dialog, region)
    after = Carrier()
    ended(after, established(after, region)[0], region)


def a_broken_certificate_is_refused():
    carrier = Carrier()
    good = open("node.pem").read()
    open("node.pem", "w").write("nonsense")
    try:
        reload()
    except urllib.error.HTTPError as answer:
        text = answer.read().decode()
        assert "node.pem" in text, text
    else:
        raise AssertionError("the reload was not refused")
    finally:
        open("node.pem", "w").write(good)
    assert Carrier().serial == carrier.serial


def the_check_finds_it():
    """tandemd -t reads the certificates too."""
    assert subprocess.run(CHECK, capture_output=True, timeout=20).returncode == 0
    good = open("node.key").read()
    open("node.key", "w").write("nonsense")
    found = subprocess.run(CHECK, capture_output=True, timeout=20)
    open("node.key", "w").write(good)
    assert found.returncode == 1 and b"node.key" in found.stderr, found


def client_certificates():
    """One of the configured root is taken, none too, one of another root not."""
    Carrier(certificate="client").options()
    Carrier().options()
    try:
        Carrier(certificate="stranger").options()
    except (OSError, queue.Empty):
        return
    raise AssertionError("a stranger's certificate was taken")


def named_trunk():
    """A trunk with tls_subject: only with its certificate, and by TLS alone."""
    name_trunk()
    before = metrics()['sip_dropped_total{reason="unknown_source"}']
    Carrier(certificate="client").options()
    nobody = Carrier()
    nobody.send(Dialog(nobody).request("OPTIONS"))
    other = Carrier(certificate="somebody")
    other.send(Dialog(other).request("OPTIONS"))
    wait_until("two dropped", lambda: metrics()['sip_dropped_total{reason="unknown_source"}'] == before + 2)
    assert nobody.inbox.empty() and other.inbox.empty()


def no_tls():
    sock = socket.create_connection(FRONT, timeout=10, source_address=(CARRIER, 0))
    sock.sendall(b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n")
    try:
        while sock.recv(1000):
            pass
    except ConnectionResetError:
        pass


sys.exit(run_cases([
    ("TLS: a call", a_call),
    ("TLS: 1.2 and 1.3", each_version),
    ("TLS: 1.1 is refused", old_versions_are_refused),
    ("TLS: a region whose certificate has another name is not called", a_wrong_name),
    ("TLS: resumed to the region", resumed_to_the_region),
    ("TLS: resumed by the carrier", resumed_by_the_carrier),
    ("TLS: a certificate is replaced under a call", certificate_replaced),
    ("TLS: a broken certificate is refused by a reload", a_broken_certificate_is_refused),
    ("TLS: a broken key is found by tandemd -t", the_check_finds_it),
    ("TLS: certificates of clients", client_certificates),
    ("TLS: what is none is closed", no_tls),
    ("TLS: a trunk that is known by its certificate", named_trunk),
], sys.argv[2:]))
