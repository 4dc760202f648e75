#!/usr/bin/python3
"""A region for the lab and the demo: answers probes and calls, and says in the end what it had.

    region.py ADDRESS DELAY_MS FILE [RING_MS]

Rings DELAY_MS after an INVITE, answers RING_MS (300) later, repeats its 200 until the ACK, answers CANCEL and BYE.
Unlike SIPp, which sends every message of a call to where the call's first one came from, it answers along the
Via (RFC 3261 section 18.2.2): what an established call needs when the node that set it up is gone. Figures go to
FILE as JSON soon after they change: invites, duplicates (another transaction for a call that is there: RFC 3261
section 8.2.2.2), ringing, up, ended (by BYE), cancelled, unknown (in-dialog requests of no call, answered 481).
"""
import heapq
import itertools
import json
import os
import select
import signal
import socket
import sys
import time

WRITE_S = 0.05


class Region:
    def __init__(self, address, delay, path, ring=0.3):
        self.address, self.delay, self.path, self.ring_s = address, delay, path, ring
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((address, 5060))
        self.calls = {}    # Call-ID -> state: "ringing", "answered", "up", "ended"
        self.transactions = {}   # Call-ID -> topmost Via of its INVITE
        self.timers, self.order = [], itertools.count()
        self.figures = dict.fromkeys(("invites", "duplicates", "ringing", "up", "ended", "cancelled", "unknown"), 0)
        self.to_write = False
        self.write_figures()

    def write_figures(self):
        self.to_write = False
        with open(self.path + ".new", "w") as out:
            json.dump(self.figures, out)
        os.rename(self.path + ".new", self.path)

    def count(self, what, by=1):
        self.figures[what] += by
        if not self.to_write:
            self.to_write = True
            self.later(WRITE_S, self.write_figures)

    def become(self, call_id, state):
        """The call's next state; how many ring and are up is kept count of."""
        for old, by in ((self.calls.get(call_id), -1), (state, 1)):
            if old in ("ringing", "answered"):
                self.count("ringing", by)
            elif old == "up":
                self.count("up", by)
        self.calls[call_id] = state

    def later(self, seconds, action):
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.order), action))

    def reply(self, request, status, reason, body=""):
        headers = request["headers"]
        to = next(value for name, value in headers if name == "to")
        lines = ["SIP/2.0 %d %s" % (status, reason)]
        for name, value in headers:
            if name in ("via", "record-route", "from", "call-id", "cseq"):
                lines.append("%s: %s" % (name, value))
        lines.append("to: " + (to if "tag=" in to else to + ";tag=region"))
        lines.append("contact: <sip:agent@%s:5060>" % self.address)
        if body:
            lines.append("content-type: application/sdp")
        text = "\r\n".join([*lines, "content-length: %d" % len(body), "", body])
        sent_by = request["via"].split()[1].split(";")[0]
        host, _, port = sent_by.partition(":")
        self.socket.sendto(text.encode(), (host, int(port or 5060)))

    def on_invite(self, request):
        call_id = request["call_id"]
        if call_id in self.calls:
            if "tag=" not in dict(request["headers"])["to"] and self.transactions[call_id] != request["via"]:
                self.count("duplicates")
                self.reply(request, 482, "Loop Detected")
            return
        self.transactions[call_id] = request["via"]
        self.become(call_id, "ringing")
        self.count("invites")
        self.later(self.delay, lambda: self.ring(request))

    def ring(self, request):
        if self.calls.get(request["call_id"]) == "ringing":
            self.reply(request, 180, "Ringing")
            self.later(self.ring_s, lambda: self.answer(request, 0.5))

    def answer(self, request, wait):
        if self.calls.get(request["call_id"]) not in ("ringing", "answered"):
            return
        self.become(request["call_id"], "answered")
        self.reply(request, 200, "OK", "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
                   % (self.address, self.address))
        if wait <= 16:
            self.later(wait, lambda: self.answer(request, wait * 2))

    def on_cancel(self, request):
        self.reply(request, 200, "OK")
        if self.calls.get(request["call_id"]) == "ringing":
            self.become(request["call_id"], "ended")
            self.count("cancelled")
            request["headers"] = [(n, v.replace("CANCEL", "INVITE") if n == "cseq" else v) for n, v in request["headers"]]
            self.reply(request, 487, "Request Terminated")

    def on_bye(self, request):
        state = self.calls.get(request["call_id"])
        if state is None:
            self.count("unknown")
            self.reply(request, 481, "Call Does Not Exist")
            return
        if state != "ended":
            self.become(request["call_id"], "ended")
            self.count("ended")
        self.reply(request, 200, "OK")

    def on_datagram(self, data):
        head = data.decode("utf-8", "replace").partition("\r\n\r\n")[0].split("\r\n")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:])]
        first = dict(reversed(headers))
        if "via" not in first or "call-id" not in first:
            return
        request = {"headers": headers, "via": first["via"], "call_id": first["call-id"]}
        method = head[0].split()[0]
        if method == "OPTIONS":
            self.reply(request, 200, "OK")
        elif method == "INVITE":
            self.on_invite(request)
        elif method == "CANCEL":
            self.on_cancel(request)
        elif method == "BYE":
            self.on_bye(request)
        elif method == "ACK" and self.calls.get(request["call_id"]) == "answered":
            self.become(request["call_id"], "up")

    def run(self):
        while True:
            wait = max(0, self.timers[0][0] - time.monotonic()) if self.timers else None
            if select.select([self.socket], [], [], wait)[0]:
                self.on_datagram(self.socket.recv(65535))
            while self.timers and self.timers[0][0] <= time.monotonic():
                heapq.heappop(self.timers)[2]()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__.strip())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Region(sys.argv[1], int(sys.argv[2]) / 1000, sys.argv[3], int(sys.argv[4]) / 1000 if len(sys.argv) > 4 else 0.3).run()
