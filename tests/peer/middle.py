"""A box between the node and a router that spoils what they say: middle.py PORT ROUTER NODE WHAT.

It takes the node's BGP connection on 127.0.0.1:PORT and makes one to the router from the node's address, so that the
router sees its neighbour. One message is spoilt, by WHAT; everything else passes:

  to-origin    the ORIGIN of the node's first announcement is none that there is (RFC 7606: the route alone is lost)
  from-origin  after the router's first KEEPALIVE an announcement as if from it, with such an ORIGIN
  from-prefix  the same with a prefix of 33 bits, which ends a session (RFC 4271 section 6.3)
"""
import socket
import sys
import threading

PORT, ROUTER, NODE, WHAT = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
UPDATE, KEEPALIVE = 2, 4
spoilt = threading.Event()


def messages(sock):
    """Whole messages, until the connection ends."""
    data = b""
    while True:
        while len(data) >= 19 and len(data) >= int.from_bytes(data[16:18], "big"):
            length = int.from_bytes(data[16:18], "big")
            yield data[:length]
            data = data[length:]
        try:
            more = sock.recv(65536)
        except OSError:
            return
        if not more:
            return
        data += more


def update(attributes, prefixes):
    body = b"\0\0" + len(attributes).to_bytes(2, "big") + attributes + prefixes
    return b"\xff" * 16 + (19 + len(body)).to_bytes(2, "big") + bytes([UPDATE]) + body


def injected():
    origin = 7 if WHAT == "from-origin" else 0
    attributes = bytes([0x40, 1, 1, origin, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe8, 0x40, 3, 4]) + socket.inet_aton(ROUTER)
    return update(attributes, bytes([33, 192, 0, 2, 9, 0]) if WHAT == "from-prefix" else bytes([32, 192, 0, 2, 99]))


def to_router(message):
    at = message.find(bytes([0x40, 1, 1, 0]), 19)   # ORIGIN IGP
    if WHAT == "to-origin" and message[18] == UPDATE and at > 0 and not spoilt.is_set():
        spoilt.set()
        print("spoilt", flush=True)
        return message[:at + 3] + b"\x07" + message[at + 4:]
    return message


def from_router(message):
    if WHAT.startswith("from-") and message[18] == KEEPALIVE and not spoilt.is_set():
        spoilt.set()
        print("spoilt", flush=True)
        return message + injected()
    return message


def pump(source, sink, change):
    for message in messages(source):
        try:
            sink.sendall(change(message))
        except OSError:
            break
    for sock in (source, sink):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


listener = socket.create_server(("127.0.0.1", PORT))
while True:
    node, _ = listener.accept()
    try:
        router = socket.create_connection((ROUTER, 179), timeout=5, source_address=(NODE, 0))
    except OSError:
        node.close()
        continue
    router.settimeout(None)
    threading.Thread(target=pump, args=(node, router, to_router), daemon=True).start()
    pump(router, node, from_router)
