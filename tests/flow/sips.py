"""Calls to a region whose target is sips:secure.test, and to one whose name has TLS first. Run by tests/flow/sips, with names
of cases. Both are at one host, which is known by the Request-URI."""
import json
import re
import sys
import urllib.request

from sip import ANYCAST, CARRIER, REGION1, Dialog, Party, regions_up, response, run_cases
from sip_tls import Carrier, Region

FRONT = (ANYCAST, 5060)
region = Region("region")
plain = Party(CARRIER, 5070)


def secured(text):
    """The same request, of a caller who says sips:."""
    return re.sub(r"([< ])sip:", r"\1sips:", text).replace(";transport=tls", "")


def where(name):
    with urllib.request.urlopen("http://127.0.0.1:8080/v1/regions/" + name, timeout=5) as answer:
        return [(target["address"], target["transport"]) for target in json.load(answer)["targets"]]


def naptr_leads_to_tls():
    regions_up()
    assert where("region-1") == [(REGION1 + ":5061", "tls")], where("region-1")
    assert where("region-2") == [(REGION1 + ":5061", "tls")], where("region-2")


def a_sip_call():
    """It stays one: nothing says sips:, on any side, and TLS is the region's side alone."""
    regions_up()
    dialog = Dialog(plain)
    plain.send(dialog.request("INVITE"), FRONT)
    invite, connection = region.expect("INVITE")
    assert invite.start == "INVITE sip:+14155550123@secure.test SIP/2.0", invite.start
    assert "sips:" not in invite.data.decode(), invite.data
    assert invite.all("Via")[0].startswith("SIP/2.0/TLS "), invite.all("Via")
    routes = invite.all("Record-Route")
    assert len(routes) == 2 and "transport=tls" in routes[0] and "transport" not in routes[1], routes
    connection.send(response(invite, 200, contact="sip:agent@%s:5061;transport=tls" % REGION1))
    dialog.learn(plain.expect(200))
    plain.send(dialog.request("ACK"), FRONT)
    region.expect("ACK")
    plain.send(dialog.request("BYE"), FRONT)
    bye, connection = region.expect("BYE")
    connection.send(response(bye, 200))
    plain.expect(200)


def a_sips_call():
    regions_up()
    carrier = Carrier()
    dialog = Dialog(carrier)
    carrier.send(secured(dialog.request("INVITE")))
    invite, connection = region.expect("INVITE")
    assert invite.start == "INVITE sips:+14155550123@secure.test SIP/2.0", invite.start
    routes = invite.all("Record-Route")
    assert len(routes) == 1 and re.fullmatch(r"<sips:[^@]+@%s:5061;lr>" % re.escape(ANYCAST), routes[0]), routes
    connection.send(response(invite, 200, contact="sips:agent@%s" % REGION1))
    dialog.learn(carrier.expect(200))
    carrier.send(secured(dialog.request("ACK")))
    assert region.expect("ACK")[0].start == "ACK sips:agent@%s SIP/2.0" % REGION1
    carrier.send(secured(dialog.request("BYE")))
    bye, connection = region.expect("BYE")
    assert bye.all("Via")[0].startswith("SIP/2.0/TLS "), bye.all("Via")
    connection.send(response(bye, 200))
    carrier.expect(200)


def refused_by_udp():
    regions_up()
    dialog = Dialog(plain)
    plain.send(secured(dialog.request("INVITE")), FRONT)
    answer = plain.expect(480)
    assert answer.one("Warning") == '380 tandem "SIPS Not Allowed"', answer.all("Warning")
    plain.send(dialog.request("ACK", branch=dialog.branch), FRONT)


def explained():
    """As the call above, without placing it."""
    regions_up()
    question = {"trunk": "carrier-a", "from": "+12125550199", "to": "+14155550123"}
    for sips, reasons, chosen in ((True, ["ok", "no_sips_target"], "region-1"), (False, ["ok", "ok"], "region-1")):
        request = urllib.request.Request("http://127.0.0.1:8080/v1/explain", json.dumps(dict(question, sips=sips)).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            plan = json.load(answer)
        assert [c["reason"] for c in plan["candidates"]] == reasons and plan["chosen"] == chosen, plan


def next_invite():
    """Connections are the names': what comes by one may overtake what comes by the other."""
    while True:
        message, connection = region.inbox.get(timeout=10)
        if message.method == "INVITE":
            return message, connection


def no_other_region():
    """The next region has TLS, but did not say sips:."""
    regions_up()
    carrier = Carrier()
    dialog = Dialog(carrier)
    carrier.send(secured(dialog.request("INVITE")))
    invite, connection = region.expect("INVITE")
    connection.send(response(invite, 503))
    region.expect("ACK")
    carrier.expect(500)
    other = Dialog(plain)
    plain.send(other.request("INVITE"), FRONT)
    invite, connection = region.expect("INVITE")
    connection.send(response(invite, 503))
    invite, connection = next_invite()
    assert invite.start == "INVITE sip:+14155550123@any.test SIP/2.0", invite.start
    connection.send(response(invite, 486))
    plain.expect(486)


sys.exit(run_cases([
    ("sips: NAPTR leads to TLS", naptr_leads_to_tls),
    ("sips: a sip: call to it", a_sip_call),
    ("sips: a sips: call to it", a_sips_call),
    ("sips: a sips: call by UDP is refused", refused_by_udp),
    ("sips: explain says where such a call goes", explained),
    ("sips: no other region takes a sips: call", no_other_region),
], sys.argv[1:]))
