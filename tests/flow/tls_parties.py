"""The ends of calls over TLS, with Python's ssl: what tls.py and tls_alias.py share. Certificates are in the current
directory; the first argument is the call log's path."""
import json
import queue
import select
import socket
import ssl
import sys
import threading
import urllib.request

from sip import ANYCAST, CARRIER, REGION1, Dialog, Message, end_record, response, wait_until

FRONT = (ANYCAST, 5061)
CONTACT = "sip:agent@%s:5061;transport=tls" % REGION1
LOG = sys.argv[1]


class Connection:
    """One TLS connection: whole messages into a queue; OPTIONS are answered at once where that is wanted."""

    def __init__(self, sock, inbox, answers):
        self.socket, self.inbox, self.answers = sock, inbox, answers
        self.closed = threading.Event()
        self.lock = threading.Lock()  # OpenSSL reads and writes a connection by one thread at a time
        sock.settimeout(0)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        text = b""
        try:
            while True:
                got = self.receive()
                if not got:
                    break
                text += got
                while b"\r\n\r\n" in text:
                    head, _, rest = text.partition(b"\r\n\r\n")
                    length = int(Message(head + b"\r\n\r\n").one("Content-Length"))
                    if len(rest) < length:
                        break
                    self.take(Message(head + b"\r\n\r\n" + rest[:length]))
                    text = rest[length:]
        except OSError:
            pass
        self.closed.set()

    def receive(self):
        while True:
            if not self.socket.pending():
                select.select([self.socket], [], [], 1)
            with self.lock:
                try:
                    return self.socket.recv(65536)
                except ssl.SSLWantReadError:
                    continue

    def take(self, message):
        if message.method == "OPTIONS" and self.answers:
            self.send(response(message, 200))
        else:
            self.inbox.put((message, self))

    def send(self, text):
        with self.lock:
            self.socket.send(text.encode() if isinstance(text, str) else text)


class Server:
    """Listens with a certificate that can be replaced."""

    def __init__(self, certificate, address=(REGION1, 5061)):
        self.inbox, self.connections = queue.Queue(), []
        self.use(certificate)
        self.listener = socket.create_server(address)
        threading.Thread(target=self.accept, daemon=True).start()

    def use(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate + ".pem", certificate + ".key")
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context = context

    def accept(self):
        while True:
            sock, _ = self.listener.accept()
            try:
                self.connections.append(Connection(self.context.wrap_socket(sock, server_side=True), self.inbox, True))
            except OSError:
                sock.close()

    def close_all(self):
        for connection in self.connections:
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections = []

    def expect(self, wanted):
        message, connection = self.inbox.get(timeout=10)
        assert wanted in (message.method, message.status), message.start
        return message, connection


class Carrier:
    """A connection from the carrier; context and session may be given. He says to be reached `at`, and, with `alias`, that he
    is so by this connection."""

    def __init__(self, context=None, session=None, certificate=None, alias=False, at=CARRIER + ":5070"):
        self.address, self.inbox, self.alias, self.at = CARRIER, queue.Queue(), alias, at
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations("ca.pem")
            if certificate:
                context.load_cert_chain(certificate + ".pem", certificate + ".key")
        self.context = context
        sock = socket.create_connection(FRONT, timeout=10, source_address=(CARRIER, 0))
        self.socket = context.wrap_socket(sock, server_hostname=ANYCAST, session=session)
        self.serial = self.socket.getpeercert()["serialNumber"]
        self.connection = Connection(self.socket, self.inbox, False)

    def host(self):
        return self.at

    def send(self, text):
        text = text.replace(";branch=", ";alias;branch=") if self.alias else text
        self.connection.send(text.replace("SIP/2.0/UDP", "SIP/2.0/TLS").replace(":5070>", ":5070;transport=tls>"))

    def expect(self, wanted):
        while True:
            message, _ = self.inbox.get(timeout=10)
            if wanted in (message.method, message.status):
                return message

    def options(self):
        self.send(Dialog(self).request("OPTIONS"))
        self.expect(200)


def region_is(healthy):
    def asked():
        with urllib.request.urlopen("http://127.0.0.1:8080/v1/regions", timeout=5) as answer:
            return json.load(answer)["regions"][0]["healthy"] == healthy
    wait_until("region-1 %s" % ("up" if healthy else "down"), asked, 20)


def established(carrier, region):
    region_is(True)
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"))
    invite, connection = region.expect("INVITE")
    connection.send(response(invite, 180, contact=CONTACT))
    carrier.expect(180)
    connection.send(response(invite, 200, contact=CONTACT))
    dialog.learn(carrier.expect(200))
    carrier.send(dialog.request("ACK"))
    region.expect("ACK")
    return dialog, invite


def ended(carrier, dialog, region):
    carrier.send(dialog.request("BYE"))
    bye, connection = region.expect("BYE")
    connection.send(response(bye, 200))
    carrier.expect(200)
    wait_until("an end record", lambda: (end_record(LOG, dialog.call_id) or {}).get("outcome") == "answered")


def reload():
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080/v1/reload", method="POST"), timeout=5).read()


def name_trunk():
    """The trunk is known by its certificate from now on."""
    text = open("tandem.yaml").read()
    open("tandem.yaml", "w").write(text.replace("trunks:\n  - {", "trunks:\n  - {tls_subject: carrier.example, ", 1))
    reload()
