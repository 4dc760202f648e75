"""A DNS server that fails as it is told to, which real ones do not: dns_faults.py ZONE. The file is read at each question:

    {"region.test NAPTR": "SERVFAIL", "region.test A": [["A", 1, "198.51.100.21"]], "region.test AAAA": "TRUNCATED"}

A record is of the name asked for, or of the one behind its type ("A@b.test"). A name and type that are not in it do not
exist. UDP on 127.0.0.1:53 alone, so that who is told to come back by TCP cannot."""
import ipaddress
import json
import socket
import struct
import sys

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33, "NAPTR": 35}
CODES = {"SERVFAIL": 2, "NOTIMP": 4, "REFUSED": 5}


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def string(text):
    return bytes([len(text)]) + text.encode()


def data(kind, values):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(values[0]).packed
    if kind == "CNAME":
        return name(values[0])
    if kind == "SRV":
        return struct.pack(">HHH", *values[:3]) + name(values[3])
    order, preference, flags, service, expression, replacement = values
    return struct.pack(">HH", order, preference) + string(flags) + string(service) + string(expression) + name(replacement)


def question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    kind = struct.unpack(">H", query[at + 1:at + 3])[0]
    return ".".join(labels), next((word for word, number in TYPES.items() if number == kind), str(kind)), query[12:at + 5]


def answer(query, zone):
    asked, kind, text = question(query)
    found = zone.get("%s %s" % (asked, kind), [])
    code = CODES.get(found, 0) if isinstance(found, str) else 0 if found or any(key.startswith(asked + " ") for key in zone) else 3
    truncated = found == "TRUNCATED"
    records = [] if isinstance(found, str) else found
    flags = 0x8580 | code | (0x0200 if truncated else 0)
    out = query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + text
    for record, ttl, *values in records:
        record, _, owner = record.partition("@")
        value = data(record, values)
        out += (name(owner) if owner else b"\xc0\x0c") + struct.pack(">HHIH", TYPES[record], 1, ttl, len(value)) + value
    return out


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    message, client = server.recvfrom(4096)
    with open(sys.argv[1]) as zone_file:
        server.sendto(answer(message, json.load(zone_file)), client)
