"""What nobody should send, in the manner of RFC 4475 and worse: each datagram gets a failure response or is
counted as dropped, no region ever sees it, and the node serves on. Run by tests/flow/wire."""
import random
import re
import sys

from sip import ANYCAST, CALLS, CARRIER, OWN, REGION1, REGION2, Dialog, Party, metrics, regions_up, run_cases

FRONT = (ANYCAST, 5060)
carrier, region, spare = Party(CARRIER), Party(REGION1), Party(REGION2)


def invite(**changes):
    """A good INVITE, with header lines replaced (None: left out)."""
    lines = Dialog(carrier).request("INVITE").split("\r\n")
    for name, value in changes.items():
        name = name.replace("_", "-")
        index = 0 if name == "start" else next(i for i, line in enumerate(lines) if line.startswith(name + ":"))
        if value is None:
            del lines[index]
        else:
            lines[index] = value if name == "start" else "%s: %s" % (name, value)
    return "\r\n".join(lines)


def torture():
    """name, datagram"""
    yield "one byte", "I"
    yield "NUL bytes", "\0" * 100
    yield "random bytes", random.Random(1).randbytes(500)
    yield "0xff bytes", b"\xff" * 1200
    yield "start line alone", "INVITE sip:x@%s SIP/2.0\r\n" % ANYCAST
    yield "start line without end", "INVITE sip:x@%s SIP/2.0" % ANYCAST
    yield "cut in the start line", invite()[:20]
    yield "cut in the Via", invite()[:90]
    yield "cut before the blank line", invite().partition("\r\n\r\n")[0]
    yield "body shorter than Content-Length", invite()[:-30]
    yield "no Via", invite(Via=None)
    yield "no From", invite(From=None)
    yield "no To", invite(To=None)
    yield "no Call-ID", invite(Call_ID=None)
    yield "no CSeq", invite(CSeq=None)
    yield "empty Call-ID", invite(Call_ID="")
    yield "CSeq of another method", invite(CSeq="1 BYE")
    yield "CSeq without a number", invite(CSeq="INVITE")
    yield "CSeq beyond 32 bits", invite(CSeq="9292394834772304023312 INVITE")
    yield "Max-Forwards beyond all", invite(Max_Forwards="99999999999999999999")
    yield "Max-Forwards negative", invite(Max_Forwards="-1")
    yield "Max-Forwards no number", invite(Max_Forwards="seventy")
    yield "Content-Length negative", invite(Content_Length="-999")
    yield "Content-Length beyond all", invite(Content_Length="99999999999999999999")
    yield "Content-Length longer than the datagram", invite(Content_Length="9999")
    yield "two Call-IDs that differ", invite().replace("Call-ID:", "Call-ID: other@x\r\nCall-ID:", 1)
    yield "two CSeq that differ", invite().replace("CSeq:", "CSeq: 5 BYE\r\nCSeq:", 1)
    yield "unknown version", invite(start="INVITE sip:+14155550123@%s SIP/7.0" % ANYCAST)
    yield "no version", invite(start="INVITE sip:+14155550123@%s" % ANYCAST)
    yield "unknown URI scheme", invite(start="INVITE nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0")
    yield "Request-URI with spaces", invite(start="INVITE sip:+1415 5550123@%s; lr SIP/2.0" % ANYCAST)
    yield "Request-URI in brackets", invite(start="INVITE <sip:+14155550123@%s> SIP/2.0" % ANYCAST)
    yield "empty Request-URI", invite(start="INVITE  SIP/2.0")
    yield "Request-URI of 8 KB", invite(start="INVITE sip:%s@%s SIP/2.0" % ("9" * 8192, ANYCAST))
    yield "Via without a branch and a host", invite(Via="SIP/2.0/UDP")
    yield "Via with a port beyond 65535", invite(Via="SIP/2.0/UDP %s:99999;branch=z9hG4bKx" % CARRIER)
    yield "Via of garbage", invite(Via="@@@@;;;,,,===")
    yield "From without an address", invite(From=";tag=1")
    yield "From with an open quote", invite(From='"Caller <sip:a@b>;tag=1')
    yield "To with an open bracket", invite(To="<sip:+14155550123@x")
    yield "header line without a colon", invite().replace("CSeq", "nonsense\r\nCSeq", 1)
    yield "header name of 4 KB", invite().replace("CSeq", "X" * 4096 + ": 1\r\nCSeq", 1) .replace("INVITE sip", "IN VITE sip", 1)
    yield "2000 Via headers", invite(Via=", ".join(["SIP/2.0/UDP 192.0.2.9"] * 2000), CSeq="x INVITE")
    yield "3000 headers", invite(CSeq="x INVITE").replace("CSeq", "X-A: b\r\n" * 3000 + "CSeq", 1)
    yield "NUL within a header", invite(Call_ID="a\0b@c")
    yield "bare LF line ends, no CSeq", invite(CSeq=None).replace("\r\n", "\n")
    yield "control characters in the method", invite(start="IN\x01\x02VITE sip:x@%s SIP/2.0" % ANYCAST)
    yield "method of 1 KB", invite(start="%s sip:x@%s SIP/2.0" % ("Q" * 1024, ANYCAST))
    yield "response without a Via", "SIP/2.0 200 OK\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
    yield "response with status 0", "SIP/2.0 0 No\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKx\r\n\r\n" % OWN
    yield "response with status beyond all", "SIP/2.0 4294967301 better not\r\nVia: SIP/2.0/UDP %s:5060\r\n\r\n" % OWN
    yield "HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "DNS", b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
    yield "64 KB of letters", "A" * 65507
    yield "64 KB INVITE", invite().replace("CSeq", "X-Pad: " + "y" * 64000 + "\r\nCSeq", 1)


def judged():
    """How many datagrams tandem says it dropped."""
    return sum(value for name, value in metrics().items() if name.startswith("sip_dropped_total"))


def serves():
    for _ in range(5):
        CALLS.clear()
        carrier.send(Dialog(carrier).request("OPTIONS"), FRONT)
        if carrier.recv(200, 1):
            return
    raise AssertionError("it answers no OPTIONS any more")


def hostile(datagram):
    data = datagram.encode("utf-8", "surrogateescape") if isinstance(datagram, str) else datagram
    marks = set(re.findall(rb"[0-9a-f]{8,}", data))  # branch, tag and Call-ID: what is broken may lack any of them

    def case():
        CALLS.clear()
        before = judged()
        carrier.send(data, FRONT)
        for _ in range(40):
            answer = carrier.recv(None, 0.05)
            if answer and any(mark in answer.data for mark in marks) and answer.status in (400, 404, 405, 416, 482, 483, 505, 513):
                return serves()
            if judged() > before:
                return serves()
        raise AssertionError("neither refused nor counted as dropped")
    return case


def no_region_saw_any():
    CALLS.clear()
    for party in (region, spare):
        seen = party.recv(None, 0.3)
        assert seen is None, "a region got " + seen.start[:80]


def mutations():
    """3000 datagrams made of good ones by chance (the same every time): nothing but survival is asked."""
    chance = random.Random(4475)
    dialog = Dialog(carrier)
    seeds = [dialog.request(method).encode() for method in ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER")]
    seeds.append(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
                 b"To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n" % OWN.encode())
    for round_ in range(3000):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            how = chance.randrange(4)
            if how == 0:
                data[at] = chance.randrange(256)
            elif how == 1:
                del data[at:at + chance.randint(1, 40)]
            elif how == 2:
                data[at:at] = data[at:at + chance.randint(1, 40)] * chance.randint(1, 8)
            else:
                data[at:at] = bytes([chance.choice(b'\0\r\n:;,<>"@=%\xff ')]) * chance.randint(1, 20)
            data = data or bytearray(b"x")
        carrier.send(bytes(data), FRONT)
        if round_ % 100 == 99:
            serves()


if __name__ == "__main__":
    cases = [("both regions are healthy", regions_up)]
    cases += [("refused or dropped: " + name, hostile(data)) for name, data in torture()]
    cases.append(("no region saw any of them", no_region_saw_any))
    cases.append(("3000 mutated datagrams, and it serves on", mutations))
    sys.exit(run_cases(cases, sys.argv[2:]) > 0)
