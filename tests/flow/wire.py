"""Datagram by datagram: what a proxy owes each message (RFC 3261 sections 16 and 17, RFC 6026), and what
tandem drops. Run by tests/flow/wire, with the call log's path and names of cases to run."""
import re
import sys
import uuid

from sip import (ANYCAST, CALLS, CARRIER, OWN, REGION1, REGION2, STRANGER, Counted, Dialog, Message, Party, end_record,
                 regions_up, response, run_cases, wait_until)

FRONT = (ANYCAST, 5060)
CONTACT = "sip:agent@%s:5060" % REGION1
LOG = sys.argv[1]

carrier, region, spare, stranger = Party(CARRIER), Party(REGION1), Party(REGION2), Party(STRANGER)


def drain_sockets():
    for party in (carrier, region, spare, stranger):
        while party.recv(None, 0):
            pass


def refused(dialog, status, party=carrier):
    """Takes the failure and acknowledges it; gives the failure."""
    failure = party.expect(status)
    dialog.to = failure.one("To")
    party.send(dialog.request("ACK", branch=dialog.branch), FRONT)
    return failure


def established(**invite):
    """A call up to its ACK; gives the dialog, the INVITE as the region got it and its 200."""
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE", **invite), FRONT)
    at_region = region.expect("INVITE")
    region.send(response(at_region, 200, contact=CONTACT), at_region)
    ok = carrier.expect(200)
    dialog.learn(ok)
    carrier.send(dialog.request("ACK"), FRONT)
    region.expect("ACK")
    return dialog, at_region, ok


def hang_up(dialog):
    carrier.send(dialog.request("BYE"), FRONT)
    bye = region.expect("BYE")
    region.send(response(bye, 200), bye)
    carrier.expect(200)


def refuse(dialog, at_region):
    """Ends a call that is being set up."""
    region.send(response(at_region, 486), at_region)
    refused(dialog, 486)
    region.expect("ACK")


# ---- what is sent on ----

def forwarded_invite():
    dialog = Dialog(carrier)
    odd = ["X-Carrier-Info: a,b ;c=\"d\"", "p-asserted-identity:   \"Caller\" <sip:+12125550199@carrier.example>",
           "Diversion: <sip:+13035550111@carrier.example>;reason=unconditional"]
    carrier.send(dialog.request("INVITE", extra=odd), FRONT)
    invite = region.expect("INVITE")
    assert invite.source == (OWN, 5060), "it came from %s, not from the egress address" % (invite.source,)
    vias = invite.all("Via")
    assert len(vias) == 2 and vias[0].startswith("SIP/2.0/UDP %s:5060;" % OWN), vias
    assert "branch=z9hG4bK" in vias[0] and dialog.branch in vias[1], vias
    assert invite.one("Max-Forwards") == "69"
    assert invite.start.replace(":5060 ", " ") == "INVITE sip:+14155550123@%s SIP/2.0" % REGION1, invite.start
    routes = invite.all("Record-Route")
    assert len(routes) == 1 and ";lr" in routes[0] and ANYCAST in routes[0], routes
    assert invite.one("From") == dialog.from_ and invite.one("To") == dialog.to
    assert invite.one("Call-ID") == dialog.call_id and invite.one("CSeq") == "1 INVITE"
    for line in odd:
        assert line.encode() in invite.data, "changed on the way: " + line
    assert invite.body.decode().startswith("v=0") and int(invite.one("Content-Length")) == len(invite.body)
    refuse(dialog, invite)


def relayed_responses():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    trying = carrier.expect(100)
    assert "tag=" not in trying.one("To"), "a 100 of the proxy's has no To tag"
    invite = region.expect("INVITE")
    region.send(response(invite, 100), invite)
    region.send(response(invite, 180, contact=CONTACT, extra=["X-Region: yes"]), invite)
    ringing = carrier.expect(None)
    assert ringing.status == 180, "the region's 100 is not relayed, and this came first: " + ringing.start
    assert ringing.source == FRONT, "it came from %s: a carrier takes answers from where it sent" % (ringing.source,)
    assert len(ringing.all("Via")) == 1 and dialog.branch in ringing.one("Via")
    assert ringing.one("X-Region") == "yes" and ringing.all("Record-Route") == invite.all("Record-Route")
    assert ringing.one("Contact") == "<%s>" % CONTACT
    refuse(dialog, invite)


def rport():
    """RFC 3581: the answer goes to where the request came from, and says so."""
    other = Party(CARRIER, 5099)
    dialog = Dialog(other)
    text = dialog.request("INVITE").replace("%s:5099;branch" % CARRIER, "10.9.9.9:5060;rport;branch", 1)
    other.send(text, FRONT)
    via = other.expect(100).one("Via")
    assert "received=" + CARRIER in via and "rport=5099" in via, via
    invite = region.expect("INVITE")
    assert "received=" + CARRIER in invite.all("Via")[1], invite.all("Via")
    region.send(response(invite, 486), invite)
    dialog.to = other.expect(486).one("To")
    ack = dialog.request("ACK", branch=dialog.branch)
    other.send(ack.replace("%s:5099;branch" % CARRIER, "10.9.9.9:5060;rport;branch", 1), FRONT)
    region.expect("ACK")


def max_forwards_absent():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE", max_forwards=None), FRONT)
    invite = region.expect("INVITE")
    assert invite.one("Max-Forwards") == "70", invite.one("Max-Forwards")
    refuse(dialog, invite)


def compact_headers():
    dialog = Dialog(carrier)
    text = dialog.request("INVITE")
    for name, short in (("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Contact", "m"),
                        ("Content-Type", "c"), ("Content-Length", "l")):
        text = re.sub(r"(?m)^%s:" % name, short + ":", text, count=1)
    carrier.send(text, FRONT)
    invite = region.expect("INVITE")
    assert invite.one("Call-ID") == dialog.call_id and len(invite.all("Via")) == 2
    refuse(dialog, invite)


def large_body():
    dialog = Dialog(carrier)
    body = "v=0\r\n" + "".join("a=x-long:%04d %s\r\n" % (i, "y" * 60) for i in range(50))
    carrier.send(dialog.request("INVITE", body=body), FRONT)
    invite = region.expect("INVITE")
    assert invite.body.decode() == body, "the body changed"
    refuse(dialog, invite)


def call_through_the_token():
    dialog, invite, _ = established()
    carrier.send(dialog.request("INFO", extra=["X-Probe: 1"]), FRONT)
    info = region.expect("INFO")
    assert info.source == (OWN, 5060) and info.start.split()[1] == CONTACT, info.start
    assert not info.all("Route") and info.one("X-Probe") == "1" and info.one("Max-Forwards") == "69"
    region.send(response(info, 200), info)
    carrier.expect(200)
    hang_up(dialog)
    wait_until("end record", lambda: end_record(LOG, dialog.call_id))
    assert end_record(LOG, dialog.call_id)["outcome"] == "answered"


def callee_request():
    dialog, invite, _ = established()
    token = invite.one("Record-Route")
    bye = "\r\n".join(["BYE %s SIP/2.0" % re.search("<([^>]+)>", invite.one("Contact")).group(1),
                       "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bKcallee%s" % (REGION1, uuid.uuid4().hex[:8]),
                       "Route: " + token, "Max-Forwards: 70", "From: " + dialog.to, "To: " + dialog.from_,
                       "Call-ID: " + dialog.call_id, "CSeq: 7 BYE", "Content-Length: 0", "", ""])
    region.send(bye, FRONT)
    got = carrier.expect("BYE")
    # From the node's own address: an answer to the anycast address could reach another node.
    assert got.source == (OWN, 5060) and got.all("Via")[0].startswith("SIP/2.0/UDP %s:5060;" % OWN), got.source
    assert not got.all("Route") and len(got.all("Via")) == 2 and got.one("Max-Forwards") == "69"
    carrier.send(response(got, 200), got)
    assert "callee" in region.expect(200).one("Via")
    wait_until("end record", lambda: end_record(LOG, dialog.call_id))
    assert end_record(LOG, dialog.call_id)["ended_by"] == "callee"


# ---- retransmissions ----

def invite_retransmission():
    dialog = Dialog(carrier)
    text = dialog.request("INVITE")
    with Counted({'sip_retransmissions_total{direction="in"}': 2, 'sip_requests_total{method="INVITE"}': 1}):
        carrier.send(text, FRONT)
        invite = region.expect("INVITE")
        carrier.expect(100)
        carrier.send(text, FRONT)
        carrier.expect(100)
        region.send(response(invite, 180, contact=CONTACT), invite)
        carrier.expect(180)
        carrier.send(text, FRONT)
        assert carrier.expect(None).status == 180, "a retransmission gets the last response again"
        region.silence()
    refuse(dialog, invite)


def invite_is_retransmitted():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    first = region.expect("INVITE")
    again = region.expect("INVITE", 1.5)
    assert first.data == again.data, "a retransmission is the same datagram"
    region.send(response(first, 180, contact=CONTACT), first)
    carrier.expect(180)
    region.silence(1.2)
    refuse(dialog, first)


def ok_retransmission():
    """RFC 6026: every 2xx goes upstream; the ACK finds its own way."""
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    invite = region.expect("INVITE")
    ok = response(invite, 200, contact=CONTACT)
    for _ in range(3):
        region.send(ok, invite)
        got = carrier.expect(200)
    dialog.learn(got)
    carrier.send(dialog.request("ACK"), FRONT)
    ack = region.expect("ACK")
    assert ack.source == (OWN, 5060) and "z9hG4bK" in ack.all("Via")[0]
    # The ACK was lost: the 200 comes again, and so does the ACK.
    region.send(ok, invite)
    carrier.expect(200)
    carrier.send(dialog.request("ACK"), FRONT)
    region.expect("ACK")
    hang_up(dialog)


def lost_ok_of_bye():
    dialog, _, _ = established()
    text = dialog.request("BYE")
    carrier.send(text, FRONT)
    bye = region.expect("BYE")
    region.send(response(bye, 200), bye)
    carrier.expect(200)
    carrier.send(text, FRONT)
    carrier.expect(200)
    region.silence()


def bye_is_retransmitted():
    dialog, _, _ = established()
    carrier.send(dialog.request("BYE"), FRONT)
    first = region.expect("BYE")
    again = region.expect("BYE", 1.5)
    assert first.all("Via")[0] == again.all("Via")[0]
    region.send(response(again, 200), again)
    carrier.expect(200)


def failure_is_hop_by_hop():
    """The ACK of a failure is each hop's own affair, and a failure comes again until it is there."""
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    invite = region.expect("INVITE")
    region.send(response(invite, 486), invite)
    ack = region.expect("ACK")
    assert ack.all("Via") == invite.all("Via")[:1], "the ACK of a failure has the INVITE's branch and no other Via"
    assert ack.one("CSeq") == "1 ACK" and "tag=callee" in ack.one("To")
    carrier.expect(486)
    refused(dialog, 486)
    carrier.silence(1.3)
    region.silence(0.1)
    # The region retransmits its failure: it gets its ACK again, the carrier hears nothing.
    region.send(response(invite, 486), invite)
    region.expect("ACK")
    carrier.silence()


def decline_is_final():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    invite = region.expect("INVITE")
    region.send(response(invite, 603), invite)
    refused(dialog, 603)
    spare.silence()
    wait_until("end record", lambda: end_record(LOG, dialog.call_id))
    assert end_record(LOG, dialog.call_id)["outcome"] == "rejected"


# ---- CANCEL ----

def cancel():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    invite = region.expect("INVITE")
    region.send(response(invite, 180, contact=CONTACT), invite)
    carrier.expect(180)
    reason = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
    carrier.send(dialog.request("CANCEL", branch=dialog.branch, extra=[reason]), FRONT)
    assert carrier.expect(200).cseq_method() == "CANCEL"
    at_region = region.expect("CANCEL")
    assert at_region.all("Via") == invite.all("Via")[:1], "a CANCEL has the INVITE's branch and no other Via"
    assert at_region.start.split()[1] == invite.start.split()[1]
    assert reason.encode() in at_region.data, "RFC 3326: the Reason goes along"
    region.send(response(at_region, 200), at_region)
    region.send(response(invite, 487), invite)
    region.expect("ACK")
    refused(dialog, 487)


def cancel_of_nothing():
    dialog = Dialog(carrier)
    dialog.cseq = 1
    carrier.send(dialog.request("CANCEL"), FRONT)
    carrier.expect(481)
    region.silence()


def cancel_loses_the_race():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    invite = region.expect("INVITE")
    region.send(response(invite, 180, contact=CONTACT), invite)
    carrier.expect(180)
    carrier.send(dialog.request("CANCEL", branch=dialog.branch), FRONT)
    at_region = region.expect("CANCEL")
    region.send(response(invite, 200, contact=CONTACT), invite)
    region.send(response(at_region, 200), at_region)
    while True:
        ok = carrier.expect(200)
        if ok.cseq_method() == "INVITE":
            break
    dialog.learn(ok)
    carrier.send(dialog.request("ACK"), FRONT)
    region.expect("ACK")
    drain_sockets()
    hang_up(dialog)


def cancel_after_answer():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    branch = dialog.branch
    invite = region.expect("INVITE")
    region.send(response(invite, 200, contact=CONTACT), invite)
    ok = carrier.expect(200)
    carrier.send(dialog.request("CANCEL", branch=branch), FRONT)
    assert carrier.expect(None).status in (200, 481)
    region.silence()
    dialog.learn(ok)
    carrier.send(dialog.request("ACK"), FRONT)
    region.expect("ACK")
    hang_up(dialog)


# ---- what tandem answers itself ----

def options():
    carrier.send(Dialog(carrier).request("OPTIONS"), FRONT)
    carrier.expect(200)


def overload_control():
    """RFC 7339: a neighbour that takes part is told how it is here, in its own Via; with what is relayed, too."""
    asks = lambda text: text.replace(";branch", ';oc;oc-algo="loss";branch', 1)
    carrier.send(asks(Dialog(carrier).request("OPTIONS")), FRONT)
    via = carrier.expect(200).one("Via")
    assert ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=" in via and via.count("oc-algo") == 1, via
    call = Dialog(carrier)
    carrier.send(asks(call.request("INVITE")), FRONT)
    at_region = region.expect("INVITE")
    region.send(response(at_region, 486), at_region)
    busy = carrier.expect(486)
    assert ";oc=0;" in busy.one("Via")
    call.to = busy.one("To")
    carrier.send(call.request("ACK", branch=call.branch, cseq=call.cseq), FRONT)
    carrier.send(Dialog(carrier).request("OPTIONS"), FRONT)
    assert "oc=" not in carrier.expect(200).one("Via")


def out_of_dialog_message():
    with Counted({'sip_rejected_total{status="405"}': 1}):
        carrier.send(Dialog(carrier).request("MESSAGE"), FRONT)
        answer = carrier.expect(405)
    assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"} <= set(answer.all("Allow")), answer.all("Allow")


def too_many_hops():
    dialog = Dialog(carrier)
    with Counted({'sip_rejected_total{status="483"}': 1}):
        carrier.send(dialog.request("INVITE", max_forwards="0"), FRONT)
        refused(dialog, 483)
    region.silence(0.2)


def proxy_require():
    dialog = Dialog(carrier)
    with Counted({'sip_rejected_total{status="420"}': 1}):
        carrier.send(dialog.request("INVITE", extra=["Proxy-Require: teleport"]), FRONT)
        answer = refused(dialog, 420)
    assert answer.all("Unsupported") == ["teleport"], answer.all("Unsupported")


def foreign_route():
    """A trunk cannot make tandem send a call elsewhere by a Route of its own."""
    dialog = Dialog(carrier)
    dialog.routes = ["<sip:%s:5060;lr>" % STRANGER]
    carrier.send(dialog.request("INVITE"), FRONT)
    stranger.silence()
    invite = region.recv("INVITE", 0.3)
    if invite:
        refuse(dialog, invite)
    else:
        carrier.recv(100, 0.2)
        answer = carrier.recv(None, 0.5)
        assert answer is None or 400 <= answer.status < 500, answer.start


# ---- what tandem drops ----

def unknown_source():
    with Counted({'sip_dropped_total{reason="unknown_source"}': 3, 'sip_requests_total{method="INVITE"}': 0}):
        for method in ("INVITE", "OPTIONS", "REGISTER"):
            stranger.send(Dialog(stranger).request(method), FRONT)
        stranger.silence()
        region.silence(0.1)


def forged_token():
    dialog, _, _ = established()
    route = dialog.routes[0]
    forged = re.sub(r"([A-Za-z0-9])([^A-Za-z0-9]*;lr|@)", lambda m: ("A" if m[1] != "A" else "B") + m[2], route, count=1)
    assert forged != route, "where is the token in %s" % route
    with Counted({'sip_dropped_total{reason="bad_token"}': 1}):
        dialog.routes = [forged]
        carrier.send(dialog.request("BYE"), FRONT)
        region.silence()
        carrier.silence(0.1)
    dialog.routes = [route]
    hang_up(dialog)


def token_of_another_call():
    dialog, _, _ = established()
    thief = Dialog(carrier)
    thief.routes, thief.target, thief.to = dialog.routes, dialog.target, dialog.to
    with Counted({'sip_dropped_total{reason="bad_token"}': 1}):
        carrier.send(thief.request("BYE"), FRONT)
        region.silence()
    hang_up(dialog)


def no_token():
    dialog, _, _ = established()
    routes, dialog.routes = dialog.routes, []
    carrier.send(dialog.request("BYE"), FRONT)
    region.silence()
    dialog.routes = routes
    drain_sockets()
    hang_up(dialog)


def stray_response():
    request = Message(Dialog(region).request("INVITE").encode())
    with Counted({'sip_dropped_total{reason="stray_response"}': 2}):
        text = response(request, 200, contact=CONTACT)
        region.send(text, (OWN, 5060))
        region.send(text.replace("Via: SIP/2.0/UDP %s" % REGION1, "Via: SIP/2.0/UDP %s" % OWN), (OWN, 5060))
        carrier.silence()
        region.silence(0.1)


def stray_ack():
    with Counted({'sip_dropped_total{reason="stray_ack"}': 1}):
        dialog = Dialog(carrier)
        dialog.cseq = 1
        carrier.send(dialog.request("ACK"), FRONT)
        carrier.silence()
        region.silence(0.1)


def keepalive():
    with Counted({'sip_dropped_total{reason="keepalive"}': 2}):
        carrier.send("\r\n\r\n", FRONT)
        carrier.send("\r\n", FRONT)
        carrier.silence(0.2)


CASES = [
    ("INVITE is forwarded as a proxy owes it", forwarded_invite),
    ("responses are relayed from the address the carrier knows", relayed_responses),
    ("rport and received", rport),
    ("Max-Forwards is added where absent", max_forwards_absent),
    ("compact header names", compact_headers),
    ("a body of 4 KB goes through unchanged", large_body),
    ("in-dialog request goes by the token", call_through_the_token),
    ("the callee's BYE goes by the token", callee_request),
    ("INVITE retransmission is absorbed", invite_retransmission),
    ("INVITE is retransmitted until a provisional response", invite_is_retransmitted),
    ("2xx retransmissions are relayed until the ACK", ok_retransmission),
    ("a lost 200 of a BYE comes again", lost_ok_of_bye),
    ("BYE is retransmitted to the region", bye_is_retransmitted),
    ("ACK of a failure is hop by hop", failure_is_hop_by_hop),
    ("603 is final", decline_is_final),
    ("CANCEL", cancel),
    ("CANCEL of nothing: 481", cancel_of_nothing),
    ("CANCEL that loses the race with the answer", cancel_loses_the_race),
    ("CANCEL after the answer changes nothing", cancel_after_answer),
    ("OPTIONS from a trunk: 200", options),
    ("overload control: a neighbour that asks is told", overload_control),
    ("MESSAGE out of dialog: 405 with Allow", out_of_dialog_message),
    ("Max-Forwards 0: 483", too_many_hops),
    ("Proxy-Require: 420 with Unsupported", proxy_require),
    ("a Route of the trunk's own leads nowhere", foreign_route),
    ("unknown source is dropped and counted", unknown_source),
    ("forged token is dropped and counted", forged_token),
    ("the token of another call is dropped and counted", token_of_another_call),
    ("in-dialog request without a token goes nowhere", no_token),
    ("stray response is dropped and counted", stray_response),
    ("stray ACK is dropped and counted", stray_ack),
    ("keep-alive is dropped and counted", keepalive),
]


def fresh(case):
    def run():
        drain_sockets()
        CALLS.clear()
        case()
    run.__name__ = case.__name__
    return run


if __name__ == "__main__":
    failed = run_cases([("probes bring the regions up", regions_up)], [])
    sys.exit(failed or run_cases([(name, fresh(case)) for name, case in CASES], sys.argv[2:]) > 0)
