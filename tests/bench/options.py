#!/usr/bin/python3
"""The health check of the usual pair: an OPTIONS to ADDRESS, exit status 0 if any answer comes within a second."""
import os
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.connect((sys.argv[1], 5060))
host, port = s.getsockname()
s.send(("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"
        "From: <sip:check@%s>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        % (sys.argv[1], host, port, os.urandom(8).hex(), host, sys.argv[1], os.urandom(8).hex())).encode())
try:
    s.recv(2000)
except OSError:
    sys.exit(1)
