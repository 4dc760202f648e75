"""Requests that go back on the carrier's TLS connection (RFC 5923), and those that must not. Run by tests/flow/tls, with the
call log's path and names of cases; certificates are in the current directory. Nobody listens at the carrier's Contact
unless a case says so."""
import functools
import queue
import re
import socket
import sys
import threading
import uuid

from sip import CARRIER, metrics, response, run_cases, wait_until
from sip_tls import Carrier, Region
from tls_calls import ended, established, name_trunk, region_is

NAMED = "carrier.example:5070"
region = Region("region")
carriers = []


def connect(**options):
    """From the carrier; closed at the case's end."""
    carriers.append(Carrier(**options))
    return carriers[-1]


def close(carrier):
    carrier.connection.socket.shutdown(socket.SHUT_RDWR)
    wait_until("the connection's end", carrier.connection.closed.is_set, 10)


def alone(case):
    """With no connection of another case."""
    def run():
        try:
            case()
        finally:
            for carrier in carriers:
                if not carrier.connection.closed.is_set():
                    close(carrier)
            carriers.clear()
            threading.Event().wait(0.2)
            while not region.inbox.empty():
                region.inbox.get()
    run.__name__ = case.__name__
    return run


def backward(invite, method, cseq=1):
    """What the callee of that INVITE sends within the dialog."""
    contact = re.search(r"<([^>]+)>", invite.one("Contact")).group(1)
    lines = ["%s %s SIP/2.0" % (method, contact),
             "Via: SIP/2.0/TLS 198.51.100.21:5061;branch=z9hG4bK" + uuid.uuid4().hex[:16]]
    lines += ["Route: " + route for route in invite.all("Record-Route")]
    lines += ["Max-Forwards: 70", "From: " + invite.one("To") + ";tag=callee", "To: " + invite.one("From"),
              "Call-ID: " + invite.one("Call-ID"), "CSeq: %d %s" % (cseq, method)]
    lines += ["Contact: <sip:agent@198.51.100.21:5061;transport=tls>"] if method == "INVITE" else []
    return "\r\n".join(lines + ["Content-Length: 0", "", ""])


def send_back(invite, method, cseq=1):
    next(c for c in region.connections if not c.closed.is_set()).send(backward(invite, method, cseq))


def answered_by(carrier, method):
    """It comes to the carrier, whose answer comes to the region."""
    request = carrier.expect(method)
    carrier.connection.send(response(request, 200, contact="sip:x@%s;transport=tls" % carrier.at))
    while region.inbox.get(timeout=10)[0].status != 200:
        pass


def back_and_forth(carrier):
    """A re-INVITE and a BYE by the region, over several calls, so that either worker has some."""
    region_is(True)
    opened = metrics()['sip_connections_total{event="opened"}']
    for _ in range(8):
        _, invite = established(carrier, region)
        send_back(invite, "INVITE", 1)
        answered_by(carrier, "INVITE")
        send_back(invite, "ACK", 1)
        carrier.expect("ACK")
        send_back(invite, "BYE", 2)
        answered_by(carrier, "BYE")
    now = metrics()["sip_connections_total{event=\"opened\"}"]
    assert now <= opened + 1, (opened, now)  # the other worker may have one to the region, now


def refused(carrier, status=None):
    """The carrier is not sent it; the region is told `status`, or nothing."""
    dialog, invite = established(carrier, region)
    send_back(invite, "BYE")
    try:
        answer = region.inbox.get(timeout=10 if status else 1)[0].status
    except queue.Empty:
        answer = None
    assert answer == status, answer
    assert carrier.inbox.empty(), carrier.inbox.get()[0].start
    ended(carrier, dialog, region)


def by_name():
    back_and_forth(connect(certificate="client", alias=True, at=NAMED))


def without_alias():
    refused(connect(certificate="client", at=NAMED), 500)


def without_certificate():
    refused(connect(alias=True, at=NAMED), 500)


def with_another_name():
    refused(connect(certificate="somebody", alias=True, at=NAMED), 500)


def by_an_address_that_is_not_in_it():
    """A connection to that address would want it in the certificate."""
    refused(connect(certificate="client", alias=True))


def kept():
    """A connection that nothing goes by is closed in the end, but not one that stands for the carrier."""
    kept, other = connect(certificate="client", alias=True, at=NAMED), connect(certificate="client")
    _, invite = established(kept, region)
    other.options()
    wait_until("the other one's end", other.connection.closed.is_set, 30)
    threading.Event().wait(2)
    send_back(invite, "BYE")
    answered_by(kept, "BYE")


def gone_before():
    carrier = connect(certificate="client", alias=True, at=NAMED)
    dialog, invite = established(carrier, region)
    close(carrier)
    after = connect(certificate="client", alias=True, at=NAMED)
    after.options()  # and so another one stands for him
    send_back(invite, "BYE")
    answered_by(after, "BYE")


def resumed():
    """What was shown with the first connection counts for the one that resumes it."""
    first = connect(certificate="client", alias=True, at=NAMED)
    first.options()  # TLS 1.3's tickets come with the first data
    second = connect(context=first.context, session=first.socket.session, alias=True, at=NAMED)
    assert second.socket.session_reused
    close(first)
    _, invite = established(second, region)
    send_back(invite, "BYE")
    answered_by(second, "BYE")


def of_two_connections():
    """One of them ends: the other stands for the carrier on."""
    first, second = (connect(certificate="client", alias=True, at=NAMED) for _ in range(2))
    first.options()
    _, invite = established(second, region)
    close(first)
    send_back(invite, "BYE")
    answered_by(second, "BYE")


def known_by_its_certificate():
    """From here on the trunk has a tls_subject: Contacts that are addresses are reached."""
    name_trunk()
    back_and_forth(connect(certificate="client", alias=True))


@functools.cache
def his_server():
    """At the carrier's Contact, from the first call on."""
    return Region("client", (CARRIER, 5070))


def by_a_new_connection():
    """Without `alias`, or with the connection gone: a new one to the Contact, which has to show the trunk's name."""
    server = his_server()
    name_trunk()
    for alias in (False, True):
        carrier = connect(certificate="client", alias=alias)
        _, invite = established(carrier, region)
        if alias:
            close(carrier)
        send_back(invite, "BYE")
        bye, connection = server.expect("BYE")
        while bye.one("Call-ID") != invite.one("Call-ID"):
            bye, connection = server.expect("BYE")
        connection.send(response(bye, 200))
        region.expect(200)


def gone_meanwhile():
    """The carrier ends the connection on a request that it has not answered: sent again by a new one, the same request."""
    server = his_server()
    name_trunk()
    for _ in range(4):
        carrier = connect(certificate="client", alias=True)
        _, invite = established(carrier, region)
        send_back(invite, "BYE")
        first = carrier.expect("BYE")
        close(carrier)
        bye, connection = server.expect("BYE")
        while bye.one("Call-ID") != first.one("Call-ID"):  # it may come twice: by the old connection's end, and its own way
            bye, connection = server.expect("BYE")
        assert bye.all("Via")[0] == first.all("Via")[0]
        connection.send(response(bye, 200))
        region.expect(200)


sys.exit(run_cases([(name, alone(case)) for name, case in [
    ("TLS, back to the carrier: by his name", by_name),
    ("TLS, back to the carrier: not without alias", without_alias),
    ("TLS, back to the carrier: not without a certificate", without_certificate),
    ("TLS, back to the carrier: not with another name", with_another_name),
    ("TLS, back to the carrier: not by an address that is not in the certificate", by_an_address_that_is_not_in_it),
    ("TLS, back to the carrier: a connection that is gone, and another one", gone_before),
    ("TLS, back to the carrier: kept while it is silent", kept),
    ("TLS, back to the carrier: a connection that resumes another", resumed),
    ("TLS, back to the carrier: two connections, one ends", of_two_connections),
    ("TLS, back to the carrier: a trunk that is known by its certificate", known_by_its_certificate),
    ("TLS, back to the carrier: by a new connection, with the trunk's name", by_a_new_connection),
    ("TLS, back to the carrier: a connection that ends on a request", gone_meanwhile),
]], sys.argv[2:]))
