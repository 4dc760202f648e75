"""Run by tests/flow/large, with names of cases: requests that are too large for UDP (RFC 3261 section 18.1.1), with a region
that speaks both, then UDP alone."""
import queue
import re
import socket
import sys
import threading

from sip import ANYCAST, CARRIER, REGION1, Dialog, Message, Party, metrics, response, run_cases, wait_until

FRONT = (ANYCAST, 5060)
LARGE = ["X-More: " + "x" * 1400]
by_tcp = queue.Queue()


class Tcp:
    """The region's listener: OPTIONS are answered, everything else is put into by_tcp with its connection."""

    def __init__(self):
        self.connections = []
        self.listener = socket.create_server((REGION1, 5060))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self.read, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def read(self, connection):
        text = b""
        while True:
            try:
                got = connection.recv(65536)
            except OSError:
                got = b""
            if not got:
                return
            text += got
            while (end := text.find(b"\r\n\r\n")) >= 0:
                length = int(re.search(rb"\r\nContent-Length: *(\d+)", text[:end + 2]).group(1))
                if len(text) < end + 4 + length:
                    break
                message, text = Message(text[:end + 4 + length]), text[end + 4 + length:]
                if message.method == "OPTIONS":
                    connection.sendall(response(message, 200).encode())
                else:
                    by_tcp.put((message, connection))

    def close(self):
        """Nobody listens any more, and what was open is gone."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)


carrier, region, tcp = Party(CARRIER, 5070), Party(REGION1), Tcp()
BY = 'sip_large_requests_total{by="%s"}'


def known():
    log = open("tandemd.log").read()
    return "answers by TCP" in log and "region-1 is reachable" in log


def refuse(invite, send):
    send(response(invite, 486))
    carrier.expect(486)


def large():
    wait_until("the target's answer by TCP", known, 20)
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE", extra=LARGE), FRONT)
    invite, connection = by_tcp.get(timeout=10)
    assert invite.all("Via")[0].startswith("SIP/2.0/TCP "), invite.all("Via")
    assert "transport" not in invite.all("Record-Route")[0], invite.all("Record-Route")
    refuse(invite, lambda text: connection.sendall(text.encode()))
    ack, _ = by_tcp.get(timeout=10)
    assert ack.method == "ACK", ack.start
    assert metrics()[BY % "tcp"] == 1


def small():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    invite = region.expect("INVITE")
    refuse(invite, lambda text: region.send(text, invite))
    assert by_tcp.empty()


def refused():
    """It has only just ended: TCP is tried, and UDP takes its place at once."""
    tcp.close()
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE", extra=LARGE), FRONT)
    invite = region.expect("INVITE", 1.5)
    assert invite.all("Via")[0].startswith("SIP/2.0/UDP "), invite.all("Via")
    refuse(invite, lambda text: region.send(text, invite))
    assert metrics()[BY % "udp_after_tcp"] == 1 and metrics()[BY % "tcp"] == 2, metrics()
    wait_until("it is noted", lambda: "does not answer by TCP" in open("tandemd.log").read(), 20)


def known_to_be_none():
    before = metrics()
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE", extra=LARGE), FRONT)
    invite = region.expect("INVITE")
    refuse(invite, lambda text: region.send(text, invite))
    assert metrics()[BY % "udp"] == before[BY % "udp"] + 1 and metrics()[BY % "tcp"] == before[BY % "tcp"]


sys.exit(run_cases([
    ("large requests: by TCP", large),
    ("large requests: small ones by UDP", small),
    ("large requests: TCP is refused", refused),
    ("large requests: TCP is known to be refused", known_to_be_none),
], sys.argv[1:]))
