"""A small SIP helper for tests that look at single datagrams: what SIPp cannot send or would not notice.

A Party is one UDP socket with an address of the picture in tests/lib.sh. Messages are built and read here by
hand, on purpose: a second opinion beside tandem's own parser. Every wait is bounded.
"""
import json
import queue
import re
import socket
import threading
import time
import traceback
import urllib.request
import uuid

ANYCAST, OWN, CARRIER = "203.0.113.10", "198.51.100.11", "192.0.2.2"
REGION1, REGION2, STRANGER = "198.51.100.21", "198.51.100.22", "192.0.2.200"
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"


class Message:
    """A message as it came: start line, headers in order, body."""

    def __init__(self, data, source=None):
        self.data, self.source = data, source
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        self.start = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.append((name.strip().lower(), value.strip()))
        self.status = int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else None
        self.method = None if self.status else self.start.split()[0]

    def all(self, name):
        """Values in order; a list in one line counts as several, except where commas are part of it."""
        short = {"via": "v", "from": "f", "to": "t", "call-id": "i", "contact": "m", "content-length": "l"}
        values = []
        for key, value in self.headers:
            if key in (name.lower(), short.get(name.lower())):
                values += [v.strip() for v in value.split(",")] if name.lower() in (
                    "via", "route", "record-route", "allow", "require", "unsupported") else [value]
        return values

    def one(self, name):
        values = self.all(name)
        assert len(values) == 1, "%d %s headers in %s" % (len(values), name, self.start)
        return values[0]

    def cseq_method(self):
        return self.one("CSeq").split()[1]


# Call-IDs of this case's dialogs. When there are any, what still comes of other cases' calls is skipped.
CALLS = set()


class Party:
    """One end: a carrier, a region or a stranger. A thread of its own reads what comes, so that probes are
    answered at once whatever the test is waiting for."""

    def __init__(self, address, port=5060):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.address, self.port = address, port
        self.inbox = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            message = Message(*self.socket.recvfrom(65535))
            if message.method == "OPTIONS":
                self.send(response(message, 200), message)
            else:
                self.inbox.put(message)

    def host(self):
        return "[%s]:%d" % (self.address, self.port) if ":" in self.address else "%s:%d" % (self.address, self.port)

    def send(self, message, to):
        """`to` is (address, port) or the Message to answer."""
        if isinstance(message, str):
            message = message.encode("utf-8", "surrogateescape")
        self.socket.sendto(message, to.source if isinstance(to, Message) else to)

    def recv(self, wanted=None, seconds=3.0):
        """The next message whose method or status is the wanted one; others are skipped. None when there
        is none in time."""
        until = time.monotonic() + seconds
        while True:
            try:
                message = self.inbox.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                return None
            if CALLS and not CALLS & set(message.all("Call-ID")):
                continue
            elif wanted in (None, message.method, message.status):
                return message

    def expect(self, wanted, seconds=3.0):
        message = self.recv(wanted, seconds)
        assert message is not None, "%s got no %s within %.1f s" % (self.address, wanted, seconds)
        return message

    def silence(self, seconds=0.4):
        message = self.recv(None, seconds)
        assert message is None, "%s got %s" % (self.address, message.start)


class Dialog:
    """The caller's view of one call: builds its requests."""

    def __init__(self, party, number="+14155550123", call_id=None):
        self.party = party
        self.call_id = call_id or uuid.uuid4().hex + "@" + party.address
        CALLS.add(self.call_id)
        self.uri = "sip:%s@%s:5060" % (number, ANYCAST)
        self.from_ = "<sip:+12125550199@%s>;tag=%s" % (party.host(), uuid.uuid4().hex[:8])
        self.to, self.target, self.routes, self.cseq = "<%s>" % self.uri, self.uri, [], 0

    def request(self, method, branch=None, extra=(), body="", cseq=None, max_forwards="70"):
        if method not in ("ACK", "CANCEL") and cseq is None:
            self.cseq += 1
        self.branch = branch or "z9hG4bK" + uuid.uuid4().hex[:16]
        lines = ["%s %s SIP/2.0" % (method, self.target),
                 "Via: SIP/2.0/UDP %s;branch=%s" % (self.party.host(), self.branch)]
        lines += ["Route: " + route for route in self.routes]
        lines += ["Max-Forwards: " + max_forwards] if max_forwards is not None else []
        lines += ["From: " + self.from_, "To: " + self.to, "Call-ID: " + self.call_id,
                  "CSeq: %d %s" % (cseq or self.cseq, method)]
        if method == "INVITE":
            lines += ["Contact: <sip:+12125550199@%s>" % self.party.host(), "Content-Type: application/sdp"]
            body = body or SDP
        lines += [*extra, "Content-Length: %d" % len(body), "", body]
        return "\r\n".join(lines)

    def learn(self, ok):
        """Takes tag, target and routes from the 2xx."""
        self.to = ok.one("To")
        self.target = re.search(r"<([^>]+)>", ok.one("Contact")).group(1)
        self.routes = list(reversed(ok.all("Record-Route")))


def response(request, status, reason="Reason", tag="callee", contact=None, body="", extra=()):
    """A response as a well-behaved server makes it from the request alone."""
    to = request.one("To")
    lines = ["SIP/2.0 %d %s" % (status, reason)]
    lines += ["Via: " + via for via in request.all("Via")]
    lines += ["Record-Route: " + route for route in request.all("Record-Route")]
    lines += ["From: " + request.one("From"), "To: " + (to if "tag=" in to or status == 100 else to + ";tag=" + tag),
              "Call-ID: " + request.one("Call-ID"), "CSeq: " + request.one("CSeq")]
    lines += ["Contact: <%s>" % contact] if contact else []
    lines += [*extra, "Content-Length: %d" % len(body), "", body]
    return "\r\n".join(lines)


def metrics():
    """All of tandem's counters, by name with labels, without the prefix."""
    with urllib.request.urlopen("http://127.0.0.1:8080/metrics", timeout=5) as answer:
        text = answer.read().decode()
    values = {}
    for line in text.splitlines():
        if line.startswith("tandem_"):
            name, _, value = line.rpartition(" ")
            values[name[len("tandem_"):]] = float(value)
    return values


def wait_until(what, condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain: " + what
        time.sleep(0.02)


def regions_up():
    """Both regions answer probes: waits until tandem has seen it."""
    def healthy():
        with urllib.request.urlopen("http://127.0.0.1:8080/v1/regions", timeout=5) as answer:
            return all(region["healthy"] for region in json.load(answer)["regions"])
    wait_until("both regions healthy", healthy)


class Counted:
    """with Counted({name: by how much}): the counters must have grown by exactly that, in the end."""

    def __init__(self, wanted):
        self.wanted = wanted

    def __enter__(self):
        self.before = metrics()

    def growth(self):
        after = metrics()
        return {name: after.get(name, 0) - self.before.get(name, 0) for name in self.wanted}

    def __exit__(self, kind, error, trace):
        if error is None:
            try:
                wait_until("counters", lambda: self.growth() == self.wanted, 3)
            except AssertionError:
                raise AssertionError("counters grew by %s, not %s" % (self.growth(), self.wanted)) from None


def end_record(path, call_id):
    with open(path) as log:
        for line in log:
            record = json.loads(line)
            if record["event"] == "end" and record["call_id"] == call_id:
                return record
    return None


def run_cases(cases, only):
    """Prints a line a case, as tests/lib.sh does; returns how many failed."""
    failed = 0
    for name, case in cases:
        if only and name not in only and case.__name__ not in only:
            continue
        try:
            case()
            print("ok - " + name, flush=True)
        except Exception as error:  # a case that fails must not keep the others from running
            failed += 1
            print("not ok - %s: %s" % (name, str(error).split("\n")[0] or type(error).__name__), flush=True)
            for line in traceback.format_exc().splitlines()[-6:]:
                print("#   " + line, flush=True)
    return failed
