"""A region and a carrier over TLS, with Python's ssl. Certificates are PEM files in the current directory, ca.pem the
root of those that are good."""
import queue
import select
import socket
import ssl
import threading

from sip import ANYCAST, CARRIER, REGION1, Dialog, Message, response

FRONT = (ANYCAST, 5061)


class Connection:
    """One connection, TLS or TCP: whole messages into a queue; OPTIONS are answered at once where that is wanted."""

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
            if not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
                select.select([self.socket], [], [], 1)
            with self.lock:
                try:
                    return self.socket.recv(65536)
                except (ssl.SSLWantReadError, BlockingIOError):
                    continue

    def take(self, message):
        if message.method == "OPTIONS" and self.answers:
            self.send(response(message, 200))
        else:
            self.inbox.put((message, self))

    def send(self, text):
        with self.lock:
            self.socket.send(text.encode() if isinstance(text, str) else text)


class Region:
    """Listens with a certificate that can be replaced; also somewhere else."""

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
