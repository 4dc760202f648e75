"""Requests within a dialog to where only DNS says (RFC 3261 section 16.6 step 7, RFC 3263): a carrier or a region whose Contact
or Record-Route is a name. Run by tests/flow/contacts, with the DNS server's process and names of cases."""
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
import uuid

from sip import ANYCAST, CARRIER, REGION1, REGION2, Dialog, Party, metrics, regions_up, response, run_cases, wait_until
from sip_tls import Connection

FRONT = (ANYCAST, 5060)
DNS = int(sys.argv[1])
carrier, first, second = Party(CARRIER, 5070), Party(CARRIER, 5071), Party(CARRIER, 5072)
carrier6, region, spare = Party("2001:db8:ca::2", 5070), Party(REGION1), Party(REGION2)
trunk_by_tcp = queue.Queue()


def take_tcp():
    server = socket.create_server((CARRIER, 5073))
    while True:
        Connection(server.accept()[0], trunk_by_tcp, True)


threading.Thread(target=take_tcp, daemon=True).start()


def established(contact, at_region="sip:agent@%s:5060" % REGION1):
    """The caller says `contact`. Its dialog, and the INVITE as the region has it."""
    regions_up()
    dialog = Dialog(carrier)
    carrier.send(re.sub("Contact: <[^>]*>", "Contact: <%s>" % contact, dialog.request("INVITE")), FRONT)
    invite = region.expect("INVITE")
    region.send(response(invite, 200, contact=at_region), invite)
    dialog.learn(carrier.expect(200))
    return dialog, invite


def from_region(invite, method):
    """Another node might have set the call up, and it would be served alike."""
    lines = ["%s %s SIP/2.0" % (method, re.search("<([^>]+)>", invite.one("Contact")).group(1)),
             "Via: SIP/2.0/UDP %s;branch=z9hG4bK%s" % (region.host(), uuid.uuid4().hex[:16])]
    lines += ["Route: " + route for route in invite.all("Record-Route")]
    lines += ["Max-Forwards: 70", "From: " + invite.one("To") + ";tag=callee", "To: " + invite.one("From"),
              "Call-ID: " + invite.one("Call-ID"), "CSeq: 1 " + method, "Content-Length: 0", "", ""]
    return "\r\n".join(lines)


def ended_by_region(invite, whom):
    """By one datagram: nothing has to be repeated."""
    region.send(from_region(invite, "BYE"), FRONT)
    bye = whom.expect("BYE")
    whom.send(response(bye, 200), bye)
    region.expect(200)


def ack(dialog):
    carrier.send(dialog.request("ACK"), FRONT)
    region.expect("ACK")


def carriers_name():
    dialog, invite = established("sip:alice@sbc.test:5070")
    ack(dialog)
    before = metrics()["sip_waits_for_names_total"]
    ended_by_region(invite, carrier)
    assert metrics()["sip_waits_for_names_total"] == before + 1


def known_by_now():
    """It does not wait for what is known."""
    dialog, invite = established("sip:bob@SBC.test:5070;user=phone")
    ack(dialog)
    before = metrics()["sip_waits_for_names_total"]
    ended_by_region(invite, carrier)
    assert metrics()["sip_waits_for_names_total"] == before


def by_srv():
    dialog, invite = established("sip:alice@carrier.test")
    ack(dialog)
    ended_by_region(invite, first)
    assert second.inbox.empty()


def by_naptr():
    dialog, invite = established("sip:alice@tcp.test")
    ack(dialog)
    region.send(from_region(invite, "BYE"), FRONT)
    bye, back = trunk_by_tcp.get(timeout=10)
    assert bye.method == "BYE" and bye.all("Via")[0].startswith("SIP/2.0/TCP "), bye.data
    back.send(response(bye, 200))
    region.expect(200)


def family_first():
    """IPv6, as RFC 6724 has it, where the node sends by both."""
    dialog, invite = established("sip:alice@either.test:5070")
    ack(dialog)
    ended_by_region(invite, carrier6)


def regions_name():
    """The ACK of the 200 waits too, and is not lost."""
    dialog, _ = established("sip:alice@%s:5070" % CARRIER, "sip:agent@pbx.test:5060")
    ack(dialog)
    carrier.send(dialog.request("BYE"), FRONT)
    bye = region.expect("BYE")
    region.send(response(bye, 200), bye)
    carrier.expect(200)


def slow_dns():
    """What comes again meanwhile is the same request, and goes on once."""
    dialog, _ = established("sip:alice@%s:5070" % CARRIER, "sip:agent@pbx.test:5062;transport=udp")
    pbx = Party(REGION1, 5062)
    os.kill(DNS, signal.SIGSTOP)
    try:
        carrier.send(dialog.request("INVITE", branch="z9hG4bKslow" + dialog.call_id[:8]), FRONT)
        dialog.cseq -= 1
        time.sleep(0.5)
        carrier.send(dialog.request("INVITE", branch="z9hG4bKslow" + dialog.call_id[:8]), FRONT)
        time.sleep(0.5)
    finally:
        os.kill(DNS, signal.SIGCONT)
    invite = pbx.expect("INVITE")
    pbx.send(response(invite, 200, contact="sip:agent@pbx.test:5062"), invite)
    carrier.expect(200)
    again = pbx.recv("INVITE", 0.7)
    assert again is None, "the re-INVITE went on twice"
    carrier.send(dialog.request("ACK", cseq=dialog.cseq), FRONT)
    pbx.expect("ACK")


def no_such_name():
    """The sender hears it, and the dialog goes on: no 404, which would end it."""
    dialog, invite = established("sip:alice@nobody.test:5070")
    ack(dialog)
    region.send(from_region(invite, "INFO"), FRONT)
    region.expect(500, 8)
    region.send(from_region(invite, "UPDATE"), FRONT)
    region.expect(500, 1)  # at once, by now
    carrier.send(dialog.request("BYE"), FRONT)
    bye = region.expect("BYE")
    region.send(response(bye, 200), bye)
    carrier.expect(200)


def many_names():
    """Each asked for once, and none of them holds up the others."""
    calls = [established("sip:alice@n%d.nobody.test:5070" % i) for i in range(40)]
    for _, invite in calls:
        region.send(from_region(invite, "INFO"), FRONT)
    answers = {region.expect(500, 10).one("Call-ID") for _ in calls}
    assert len(answers) == 40
    dialog, invite = established("sip:alice@sbc.test:5070")
    ended_by_region(invite, carrier)


def names_are_forgotten():
    """What DNS does not know is not asked for for ever; and what it knows stays."""
    wait_until("nothing fails any more", lambda: metrics()["dns_failing_names"] == 0, 30)
    known_by_now()


sys.exit(run_cases([
    ("contacts: the carrier's is a name", carriers_name),
    ("contacts: a name that is known by now", known_by_now),
    ("contacts: by SRV", by_srv),
    ("contacts: by NAPTR, another transport", by_naptr),
    ("contacts: both families", family_first),
    ("contacts: the region's is a name", regions_name),
    ("contacts: DNS is slow", slow_dns),
    ("contacts: no such name", no_such_name),
    ("contacts: many names", many_names),
    ("contacts: names that are nowhere are forgotten", names_are_forgotten),
], sys.argv[2:]) > 0)
