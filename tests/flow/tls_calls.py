"""Calls over TLS to region-1: what tls.py and tls_alias.py share. The first argument is the call log's path."""
import json
import sys
import urllib.request

from sip import REGION1, Dialog, end_record, response, wait_until

CONTACT = "sip:agent@%s:5061;transport=tls" % REGION1
LOG = sys.argv[1]


def region_is(healthy):
    def asked():
        with urllib.request.urlopen("http://127.0.0.1:8080/v1/regions", timeout=5) as answer:
            return json.load(answer)["regions"][0]["healthy"] == healthy
    wait_until("region-1 %s" % ("up" if healthy else "down"), asked, 20)


def established(carrier, region):
    region_is(True)
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"))
    invite, connection = region.expect("INVITE")
    connection.send(response(invite, 180, contact=CONTACT))
    carrier.expect(180)
    connection.send(response(invite, 200, contact=CONTACT))
    dialog.learn(carrier.expect(200))
    carrier.send(dialog.request("ACK"))
    region.expect("ACK")
    return dialog, invite


def ended(carrier, dialog, region):
    carrier.send(dialog.request("BYE"))
    bye, connection = region.expect("BYE")
    connection.send(response(bye, 200))
    carrier.expect(200)
    wait_until("an end record", lambda: (end_record(LOG, dialog.call_id) or {}).get("outcome") == "answered")


def reload():
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080/v1/reload", method="POST"), timeout=5).read()


def name_trunk():
    """The trunk is known by its certificate from now on, if it has not been before."""
    text = open("tandem.yaml").read()
    if "tls_subject" in text:
        return
    open("tandem.yaml", "w").write(text.replace("trunks:\n  - {", "trunks:\n  - {tls_subject: carrier.example, ", 1))
    reload()
