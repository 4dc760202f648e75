#!/usr/bin/python3
"""When packets leave through an interface for a host's SIP port: one line each, seconds since 1970 by the kernel.

    watch.py INTERFACE ADDRESS
"""
import socket
import struct
import sys

SO_TIMESTAMPNS, ETH_P_ALL, OUTGOING = 35, 3, 4
interface, address = sys.argv[1], socket.inet_aton(sys.argv[2])
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
tap.bind((interface, 0))
tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
out = open(1, "w", buffering=1)
while True:
    data, control, _, sender = tap.recvmsg(256, 64)
    ip = data[14:]
    if sender[2] != OUTGOING or data[12:14] != b"\x08\x00" or ip[9] != socket.IPPROTO_UDP or ip[16:20] != address:
        continue
    if struct.unpack("!H", ip[(ip[0] & 15) * 4 + 2 :][:2])[0] == 5060:
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                out.write("%d.%09d\n" % struct.unpack("ll", value[:16]))
