"""tests/flow/tcp: a region that is connected to by TCP and gets nothing but pings (RFC 5626), which it answers for a while.
Argument: its address."""
import re
import socket
import sys
import time

SECONDS = 5

listener = socket.create_server((sys.argv[1], 5060))
listener.settimeout(20)
connection, _ = listener.accept()
connection.settimeout(30)
text = connection.recv(65536).decode()
assert text.startswith("OPTIONS "), text
kept = "".join(line + "\r\n" for line in text.split("\r\n") if re.match("Via|From|To|Call-ID|CSeq", line))
connection.sendall(("SIP/2.0 200 OK\r\n" + kept + "Content-Length: 0\r\n\r\n").encode())
pings, until = 0, time.monotonic() + SECONDS
while time.monotonic() < until:
    got = connection.recv(100)
    assert got == b"\r\n\r\n", got
    pings += 1
    connection.sendall(b"\r\n")
assert 2 <= pings <= SECONDS, pings
silent = time.monotonic()
got = connection.recv(100)  # one that is not answered, or those that came meanwhile
while got:
    assert got == b"\r\n\r\n", got
    got = connection.recv(100)
assert 8 < time.monotonic() - silent < 25, time.monotonic() - silent
