"""Calls from every transport and family to every other one (RFC 5658 where they differ): a call, a request within it from the
caller, and the callee's BYE. Run by tests/flow/matrix, with the call log's path and names of cases. Each end is one address of
one transport: it listens, and connects where it has something to send."""
import json
import queue
import re
import socket
import ssl
import sys
import threading
import urllib.request
import uuid

from sip import ANYCAST, CARRIER, REGION1, Dialog, Party, end_record, response, run_cases, wait_until
from sip_tls import Connection

ANYCAST6, CARRIER6, REGION6 = "2001:db8:ac::10", "2001:db8:ca::2", "2001:db8:1::21"
WAYS = [transport + family for family in "46" for transport in ("udp", "tcp", "tls")]
LOG = sys.argv[1]


def contexts(certificate):
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(certificate + ".pem", certificate + ".key")
    client.load_verify_locations("ca.pem")
    return server, client


def at(host, port):
    return ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)


class Stream:
    """An end by TCP or TLS; what comes by any of its connections is in one inbox."""

    def __init__(self, address, port, certificate):
        self.address, self.port, self.inbox, self.opened = address, port, queue.Queue(), {}
        self.contexts = contexts(certificate) if certificate else None
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock, _ = self.listener.accept()
            try:
                sock = self.contexts[0].wrap_socket(sock, server_side=True) if self.contexts else sock
                Connection(sock, self.inbox, True)
            except OSError:
                sock.close()

    def host(self):
        return at(self.address, self.port)

    def send(self, text, to):
        """To an address by a connection to it, or back on that of a message."""
        if isinstance(to, Connection):
            to.send(text)
            return
        if to not in self.opened:
            sock = socket.create_connection(to, timeout=10, source_address=(self.address, 0))
            sock = self.contexts[1].wrap_socket(sock, server_hostname=to[0]) if self.contexts else sock
            self.opened[to] = Connection(sock, self.inbox, True)
        self.opened[to].send(text)

    def expect(self, wanted):
        while True:
            message, back = self.inbox.get(timeout=10)
            if wanted in (message.method, message.status):
                return message, back


class Datagram(Party):
    def expect(self, wanted, seconds=10.0):
        message = super().expect(wanted, seconds)
        return message, message


def end(way, address, address6, port, certificate):
    transport, address = way[:3], address if way[3] == "4" else address6
    if transport == "udp":
        return Datagram(address, port)
    return Stream(address, port + (transport == "tls"), certificate if transport == "tls" else None)


regions = {way: end(way, REGION1, REGION6, 5060, "region") for way in WAYS}
carriers = {way: end(way, CARRIER, CARRIER6, 5070, "carrier") for way in WAYS}


def by(way, text):
    """As one says who sends by that transport."""
    text = text.replace("SIP/2.0/UDP", "SIP/2.0/" + way[:3].upper())
    return re.sub(r"(Contact: <[^>]*)>", r"\1;transport=%s>" % way[:3], text)


def front(way):
    return (ANYCAST if way[3] == "4" else ANYCAST6, 5061 if way[:3] == "tls" else 5060)


def up():
    with urllib.request.urlopen("http://127.0.0.1:8080/v1/regions", timeout=5) as answer:
        return all(region["healthy"] for region in json.load(answer)["regions"])


def hop(route):
    """Where a Route leads: transport and address."""
    host, port = re.search(r"@(\[[^]]+\]|[^:;>]+):(\d+)", route).groups()
    transport = re.search(r"transport=(\w+)", route)
    return (transport.group(1) if transport else "udp") + ("6" if ":" in host else "4"), (host.strip("[]"), int(port))


def bye_of_the_region(invite, contact, way):
    """Along the Record-Routes as they came."""
    lines = ["BYE %s SIP/2.0" % re.search(r"<([^>]+)>", invite.one("Contact")).group(1),
             "Via: SIP/2.0/UDP %s;branch=z9hG4bK%s" % (regions[way].host(), uuid.uuid4().hex[:16])]
    lines += ["Route: " + route for route in invite.all("Record-Route")]
    lines += ["Max-Forwards: 70", "From: " + invite.one("To") + ";tag=callee", "To: " + invite.one("From"),
              "Call-ID: " + invite.one("Call-ID"), "CSeq: 1 BYE", "Contact: <%s>" % contact, "Content-Length: 0", "", ""]
    return by(way, "\r\n".join(lines))


def check_routes(invite, way_in, way_out):
    """One where the sides are alike, else two, each of its side (RFC 5658)."""
    sides = [hop(route)[0] for route in invite.all("Record-Route")]
    assert sides == ([way_out] if way_in == way_out else [way_out, way_in]), sides
    via = invite.all("Via")[0]
    assert via.startswith("SIP/2.0/%s " % way_out[:3].upper()), via


def answer(way, invite, status, contact):
    return response(invite, status, contact=contact + ";transport=" + way[:3])


def a_call(way_in, way_out):
    carrier, region = carriers[way_in], regions[way_out]
    dialog = Dialog(carrier, number="+1415555010%d" % WAYS.index(way_out))
    carrier.send(by(way_in, dialog.request("INVITE")), front(way_in))
    invite, back = region.expect("INVITE")
    check_routes(invite, way_in, way_out)
    contact = "sip:agent@" + region.host()
    region.send(answer(way_out, invite, 180, contact), back)
    carrier.expect(180)
    region.send(answer(way_out, invite, 200, contact), back)
    ok, _ = carrier.expect(200)
    dialog.learn(ok)
    assert hop(dialog.routes[0])[0] == way_in, dialog.routes
    carrier.send(by(way_in, dialog.request("ACK")), front(way_in))
    region.expect("ACK")
    carrier.send(by(way_in, dialog.request("INFO")), front(way_in))
    info, back = region.expect("INFO")
    region.send(response(info, 200), back)
    carrier.expect(200)
    region.send(bye_of_the_region(invite, contact, way_out), hop(invite.all("Record-Route")[0])[1])
    bye, back = carrier.expect("BYE")
    carrier.send(response(bye, 200), back)
    region.expect(200)
    wait_until("an end record", lambda: (end_record(LOG, dialog.call_id) or {}).get("outcome") == "answered")


def from_each(way_in):
    def case():
        wait_until("all regions up", up, 20)
        failed = []
        for way_out in WAYS:
            try:
                a_call(way_in, way_out)
            except (AssertionError, queue.Empty, OSError) as error:
                failed.append("to %s: %s %s" % (way_out, type(error).__name__, error))
        assert not failed, "; ".join(failed)
    return case


sys.exit(run_cases([("from %s over IPv%s to each" % (way[:3].upper(), way[3]), from_each(way)) for way in WAYS], sys.argv[2:]))
