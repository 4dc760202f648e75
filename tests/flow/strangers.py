"""Scanners, and datagrams that nobody has had the time to read. Run by tests/flow/strangers, with the node's directory and
names of cases."""
import glob
import os
import signal
import socket
import sys
import time
import uuid

from sip import ANYCAST, CARRIER, STRANGER, Dialog, Party, metrics, run_cases, wait_until

FRONT = (ANYCAST, 5060)
DIR = sys.argv[1]
PID = int(open(os.path.join(DIR, "tandemd.pid")).read())
KERNEL, UNKNOWN = 'sip_dropped_total{reason="kernel_queue"}', 'sip_dropped_total{reason="unknown_source"}'
REFUSED, CLOSED, ACCEPTED = ('sip_connections_total{event="%s"}' % event for event in ("refused_limit", "closed", "accepted"))
carrier, stranger = Party(CARRIER), Party(STRANGER)


def cpu_ns():
    """Of all the node's threads so far."""
    return sum(int(open(path).read().split()[0]) for path in glob.glob("/proc/%d/task/*/schedstat" % PID))


def scan(method, number):
    """What sipvicious and its like send."""
    return ("%s sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-%s;rport\r\nMax-Forwards: 70\r\n"
            "From: \"sipvicious\"<sip:100@1.1.1.1>;tag=%s\r\nTo: \"sipvicious\"<sip:100@1.1.1.1>\r\nCall-ID: %s\r\n"
            "CSeq: 1 %s\r\nContact: sip:100@%s:5060\r\nUser-Agent: friendly-scanner\r\nAccept: application/sdp\r\n"
            "Content-Length: 0\r\n\r\n" % (method, number, ANYCAST, STRANGER, uuid.uuid4().hex[:12], uuid.uuid4().hex,
                                           uuid.uuid4().hex, method, STRANGER))


def sizes():
    return [os.path.getsize(os.path.join(DIR, name)) for name in ("tandemd.log", "calls.jsonl")]


def flood(party, texts):
    """As fast as the node reads: what is sent is counted there before more is."""
    for i in range(0, len(texts), 200):
        before = metrics()["sip_received_datagrams_total"]
        for text in texts[i:i + 200]:
            party.send(text, FRONT)
        wait_until("the node has read it", lambda: metrics()["sip_received_datagrams_total"] >= before + 200)


def cost(party, texts):
    before = cpu_ns()
    flood(party, texts)
    return cpu_ns() - before


def scanners_cost_little():
    """No answer, no line in any log, and less work than a datagram that is answered."""
    asked = [Dialog(carrier).request("OPTIONS") for _ in range(4000)]
    methods = ["OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE"]
    scanned = [scan(methods[i % 4], 1000 + i) for i in range(4000)]
    flood(carrier, asked[:400])
    logs, unknown = sizes(), metrics()[UNKNOWN]
    served, dropped = cost(carrier, asked), cost(stranger, scanned)
    wait_until("all are counted", lambda: metrics()[UNKNOWN] == unknown + 4000)
    assert sizes() == logs, "logs grew from %s to %s" % (logs, sizes())
    stranger.silence(0.2)
    print("# a trunk's OPTIONS %.1f us, a scanner's request %.1f us" % (served / 4e6, dropped / 4e6), file=sys.stderr)
    assert dropped < 0.95 * served, "%d us of CPU for scanners, %d us for as many answers" % (dropped / 1000, served / 1000)


def scanners_by_tcp():
    """Each is dropped, or has its connection refused where its source has enough of them; and the carrier is served."""
    logs, before = sizes(), metrics()
    for i in range(100):
        with socket.create_connection(FRONT, timeout=10, source_address=(STRANGER, 0)) as sock:
            try:
                sock.sendall(scan("OPTIONS", i).replace("/UDP", "/TCP").encode())
            except ConnectionError:
                pass
    wait_until("all are counted", lambda: sum(metrics()[name] - before[name] for name in (UNKNOWN, REFUSED)) == 100)
    wait_until("all are closed", lambda: metrics()[CLOSED] - before[CLOSED] == metrics()[ACCEPTED] - before[ACCEPTED])
    refused = metrics()[REFUSED]
    held = [socket.create_connection(FRONT, timeout=10, source_address=(STRANGER, 0)) for _ in range(20)]
    wait_until("twelve are refused", lambda: metrics()[REFUSED] == refused + 12)
    with socket.create_connection(FRONT, timeout=10, source_address=(CARRIER, 0)) as sock:
        sock.sendall(Dialog(carrier).request("OPTIONS").replace("/UDP", "/TCP").encode())
        assert sock.recv(1000).startswith(b"SIP/2.0 200 "), "the carrier is not served"
    for sock in held:
        sock.close()
    growth = sizes()[0] - logs[0]
    assert growth < 2000 and sizes()[1] == logs[1], "the log grew by %d bytes" % growth


def kernel_drops():
    """By the kernel's own figures, of the node's socket."""
    front = "%08X:%04X" % (int.from_bytes(socket.inet_aton(ANYCAST), sys.byteorder), 5060)
    with open("/proc/net/udp") as table:
        return sum(int(line.split()[-1]) for line in table if line.split()[1] == front)


def drops_are_counted():
    before, mine = metrics()[KERNEL], kernel_drops()
    text = scan("OPTIONS", 1) + "x" * 3000
    os.kill(PID, signal.SIGSTOP)
    try:
        until = time.monotonic() + 60
        while kernel_drops() < mine + 50 and time.monotonic() < until:
            for _ in range(500):
                stranger.send(text, FRONT)
    finally:
        os.kill(PID, signal.SIGCONT)
    lost = kernel_drops() - mine
    assert lost >= 50, "the kernel lost %d" % lost

    def counted():
        carrier.send(Dialog(carrier).request("OPTIONS"), FRONT)  # the first one after tells
        carrier.recv(200)
        return metrics()[KERNEL] - before == kernel_drops() - mine
    wait_until("%d drops are counted" % lost, counted, 20)


sys.exit(run_cases([
    ("strangers: no answer, no line in a log, little work", scanners_cost_little),
    ("strangers: by TCP", scanners_by_tcp),
    ("what the kernel drops is counted", drops_are_counted),
], sys.argv[2:]) > 0)
