"""The cases of tests/lab/wrong-node: one call each, whose packets reach another node in the middle of something. Carrier
and region are sockets of this program.
"""
import signal
import time

from lab_net import ANYCAST, CARRIER, REGION, egress
import sip  # from tests/flow, where lab_net finds it
from sip import Dialog, response


class Lost(Exception):
    pass


def expect(party, wanted, seconds=3.0, where=None):
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        message = party.recv(wanted, left)
        if message and (not where or where(message)):
            return message
    raise Lost("%s got no %s" % ("carrier" if party.address == CARRIER else "region", wanted))


class Call:
    """One call from the carrier through node 1, and what happens to its packets."""

    def __init__(self, lab, owner):
        self.lab, self.owner = lab, owner
        self.carrier, self.region = lab.net.carrier, lab.net.region
        for party in (self.carrier, self.region):
            while party.recv(None, 0):
                pass
        sip.CALLS.clear()
        self.dialog = Dialog(self.carrier)
        self.contact = "sip:agent@%s:5060" % REGION

    def send(self, message):
        self.carrier.send(message, (ANYCAST, 5060))

    def retry(self, message, party, wanted, where=None):
        """As a client that repeats over UDP (T1 500 ms): until `wanted` is there."""
        for wait in (0.5, 1.0, 2.0, 3.0):
            self.send(message)
            try:
                return expect(party, wanted, wait, where)
            except Lost as lost:
                last = lost
        raise last

    def answer(self, request, status, wanted=None, extra=(), **more):
        """The region's response; `wanted`: repeated, as over UDP, until the region has that."""
        text = response(request, status, contact=self.contact, body=more.get("body", ""), extra=extra)
        for wait in (0.5, 1.0, 2.0):
            self.region.send(text, request)
            if not wanted:
                return None
            try:
                return expect(self.region, wanted, wait)
            except Lost:
                pass
        raise Lost("region got no " + wanted)

    def strike(self):
        """The carrier's packets go to node 2 from now on; the owner's fate."""
        if self.owner == "restarted":  # at once, as by systemd: the routes are where they were
            self.lab.stack.nodes[1].kill()
            self.lab.stack.start(1)
            self.lab.stack.whole(self.lab.redis != "down")
            return
        self.lab.net.route(ANYCAST, 2)
        if self.owner == "alive":
            return
        self.lab.stack.nodes[1].signal(signal.SIGKILL if self.owner == "killed" else signal.SIGSTOP)
        self.lab.net.route(egress(1), 2)

    def further(self):
        """With three nodes, what follows goes to the third."""
        if self.lab.n == 3:
            self.lab.net.route(ANYCAST, 3)

    # what cases are made of

    def invite(self, extra=()):
        text = self.dialog.request("INVITE", extra=extra)
        self.send(text)
        self.text, self.branch, self.cseq = text, self.dialog.branch, self.dialog.cseq
        self.at_region = expect(self.region, "INVITE")
        return self.at_region

    def ring(self):
        self.region.send(response(self.at_region, 180, contact=self.contact), self.at_region)
        expect(self.carrier, 180)

    def ok_to_carrier(self):
        """The region answers; the carrier has it, and acknowledges."""
        body = sip.SDP
        text = response(self.at_region, 200, contact=self.contact, body=body)
        for wait in (0.5, 1.0, 2.0, 2.0):
            self.region.send(text, self.at_region)
            ok = self.carrier.recv(200, wait)
            if ok and ok.cseq_method() == "INVITE":
                break
        else:
            raise Lost("carrier got no 200")
        if not self.dialog.routes:
            self.dialog.learn(ok)
        return ok

    def ack(self):
        self.send(self.dialog.request("ACK", cseq=self.cseq))
        expect(self.region, "ACK")

    def up(self):
        self.invite()
        self.ring()
        self.ok_to_carrier()
        self.ack()

    def bye(self):
        self.further()
        text = self.dialog.request("BYE")
        self.send(text)
        bye = expect(self.region, "BYE")
        self.region.send(response(bye, 200), bye)
        expect(self.carrier, 200, where=lambda m: m.cseq_method() == "BYE")


def transaction(request):
    """What a server tells transactions apart by (RFC 3261 section 17.2.3): branch and sent-by."""
    via = request.all("Via")[0]
    return via.split("branch=")[1].split(";")[0], via.split(";")[0]


def invite_again(call):
    """The INVITE comes again, at the other node: one call."""
    first = call.invite()
    call.strike()
    while call.carrier.recv(100, 0):
        pass
    call.retry(call.text, call.carrier, 100)
    transactions = {transaction(first)}
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        again = call.region.recv("INVITE", until - time.monotonic())
        if again:
            transactions.add(transaction(again))
    if len(transactions) != 1:
        raise Lost("the region got a second INVITE")
    call.ring()
    call.ok_to_carrier()
    call.ack()
    call.bye()


def provisional(call):
    """180 and what follows come after the move."""
    call.invite()
    call.strike()
    call.ring()
    call.ok_to_carrier()
    call.ack()
    call.bye()


def answer(call):
    """The 200 comes after the move."""
    call.invite()
    call.ring()
    call.strike()
    call.ok_to_carrier()
    call.ack()
    call.bye()


def ack(call):
    """The ACK of the 200 goes the new way."""
    call.invite()
    call.ring()
    call.ok_to_carrier()
    call.strike()
    call.ack()
    call.bye()


def ack_failure(call):
    """The ACK of a 486 goes the new way: the 486 is not repeated any more."""
    request = call.invite()
    call.region.send(response(request, 486), request)
    busy = expect(call.carrier, 486)
    expect(call.region, "ACK")
    call.strike()
    call.dialog.to = busy.one("To")
    call.send(call.dialog.request("ACK", branch=call.branch, cseq=call.cseq))
    time.sleep(0.2)
    while call.carrier.recv(486, 0):
        pass
    if call.carrier.recv(486, 1.6):
        raise Lost("the 486 is still repeated")


def cancel(call):
    """The CANCEL goes the new way: the region hears it, the carrier its 487."""
    request = call.invite()
    call.ring()
    call.strike()
    text = call.dialog.request("CANCEL", branch=call.branch, cseq=call.cseq)
    call.retry(text, call.carrier, 200, lambda m: m.cseq_method() == "CANCEL")
    heard = expect(call.region, "CANCEL")
    if transaction(request) != transaction(heard):
        raise Lost("the CANCEL is of another transaction")
    call.region.send(response(heard, 200), heard)
    call.region.send(response(request, 487), request)
    terminated = expect(call.carrier, 487)
    call.dialog.to = terminated.one("To")
    call.send(call.dialog.request("ACK", branch=call.branch, cseq=call.cseq))
    expect(call.region, "ACK")


def reinvite(call):
    """A re-INVITE is under way."""
    call.up()
    call.invite()
    call.strike()
    call.ok_to_carrier()
    call.ack()
    call.bye()


def bye_caller(call):
    """The caller's BYE is under way."""
    call.up()
    call.send(call.dialog.request("BYE"))
    bye = expect(call.region, "BYE")
    call.strike()
    call.region.send(response(bye, 200), bye)
    expect(call.carrier, 200, where=lambda m: m.cseq_method() == "BYE")


def bye_callee(call):
    """The callee's BYE is under way."""
    call.up()
    first = call.at_region
    branch = "z9hG4bKcallee%d" % time.monotonic_ns()
    to, from_ = first.one("From"), first.one("To") + ";tag=callee"
    lines = ["BYE sip:+12125550199@%s:5060 SIP/2.0" % CARRIER, "Via: SIP/2.0/UDP %s:5060;branch=%s" % (REGION, branch)]
    lines += ["Route: " + route for route in first.all("Record-Route")]
    lines += ["Max-Forwards: 70", "From: " + from_, "To: " + to, "Call-ID: " + first.one("Call-ID"), "CSeq: 1 BYE",
              "Content-Length: 0", "", ""]
    call.region.send("\r\n".join(lines), (ANYCAST, 5060))
    bye = expect(call.carrier, "BYE")
    call.strike()
    call.carrier.send(response(bye, 200), bye)
    expect(call.region, 200, where=lambda m: m.cseq_method() == "BYE")


def prack(call):
    """A PRACK is under way (RFC 3262), then the answer comes."""
    request = call.invite(extra=["Supported: 100rel"])
    text = response(request, 183, contact=call.contact, extra=["Require: 100rel", "RSeq: 1"])
    call.region.send(text, request)
    early = expect(call.carrier, 183)
    call.dialog.learn(early)
    call.send(call.dialog.request("PRACK", extra=["RAck: 1 %d INVITE" % call.cseq]))
    acknowledged = expect(call.region, "PRACK")
    call.strike()
    call.region.send(response(acknowledged, 200), acknowledged)
    expect(call.carrier, 200, where=lambda m: m.cseq_method() == "PRACK")
    call.ok_to_carrier()
    call.ack()
    call.bye()


def options(call):
    """The carrier's keep-alive, and a call by the other node: the region is not thought dead there."""
    text = "\r\n".join(["OPTIONS sip:%s SIP/2.0" % ANYCAST, "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK%d" % (CARRIER, time.monotonic_ns()),
                        "Max-Forwards: 70", "From: <sip:c@%s>;tag=1" % CARRIER, "To: <sip:%s>" % ANYCAST,
                        "Call-ID: %s" % call.dialog.call_id, "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""])
    call.retry(text, call.carrier, 200)
    call.strike()
    call.retry(text.replace("z9hG4bK", "z9hG4bKx"), call.carrier, 200)
    call.up()
    call.bye()


OWNERS = ("alive", "killed", "frozen", "restarted")
STEPS = [invite_again, provisional, answer, ack, ack_failure, cancel, reinvite, bye_caller, bye_callee, prack, options]
