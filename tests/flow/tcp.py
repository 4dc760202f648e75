"""tests/flow/tcp: what a peer may do to a connection that SIPp would not. Arguments: the node's address, ours."""
import socket
import sys

NODE, OURS = sys.argv[1:3]


def connect():
    s = socket.create_connection((NODE, 5060), timeout=20, source_address=(OURS, 0))
    s.settimeout(20)
    return s


def options(n, more="Content-Length: 0\r\n", body=""):
    return ("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/TCP %s:5099;branch=z9hG4bKtcp%d\r\nMax-Forwards: 70\r\n"
            "From: <sip:a@%s>;tag=%d\r\nTo: <sip:%s>\r\nCall-ID: tcp-%d@%s\r\nCSeq: 1 OPTIONS\r\n%s\r\n%s"
            % (NODE, OURS, n, OURS, n, NODE, n, OURS, more, body)).encode()


def answers(s, n):
    """The statuses of n answers."""
    text, found = b"", []
    while len(found) < n:
        got = s.recv(65536)
        assert got, "closed after %r" % text
        text += got
        found = [line.split()[1] for line in text.split(b"\r\n") if line.startswith(b"SIP/2.0 ")]
    return found


def closed(s):
    while True:
        try:
            if not s.recv(65536):
                return
        except ConnectionResetError:
            return


def trickle():
    s = connect()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in options(1, "Content-Length: 3\r\n", "abc") + options(2):
        s.send(bytes([byte]))
    assert answers(s, 2) == [b"200", b"200"]


def many_at_once():
    s = connect()
    s.sendall(b"\r\n".join(options(n) for n in range(100, 150)))
    assert answers(s, 50) == [b"200"] * 50


def ping():
    s = connect()
    s.sendall(b"\r\n\r\n")
    assert s.recv(100) == b"\r\n"
    s.sendall(options(3))
    assert answers(s, 1) == [b"200"]


def half_closed():
    s = connect()
    s.sendall(options(4))
    assert answers(s, 1) == [b"200"]
    s.shutdown(socket.SHUT_WR)
    closed(s)


def no_sip():
    for text in (b"GET / HTTP/1.0\r\n\r\n", options(5, ""), b"x" * 70000):
        s = connect()
        try:
            s.sendall(text)
        except ConnectionError:
            pass
        closed(s)


for case in (trickle, many_at_once, ping, half_closed, no_sip):
    case()
