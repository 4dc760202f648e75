"""What a node does when it cannot keep up. Run by tests/flow/overload, with the call log's path and the process
that is to be slow: it is stopped for a while, so that what the kernel stamps has really waited, however fast the
machine is."""
import json
import os
import random
import re
import signal
import sys
import time

from sip import (ANYCAST, CALLS, CARRIER, REGION1, REGION2, Dialog, Party, metrics, regions_up, response, run_cases,
                 wait_until)

FRONT = (ANYCAST, 5060)
LOG, PID = sys.argv[1], int(sys.argv[2])
CONTACT = "sip:agent@%s:5060" % REGION1
carrier, region, spare = Party(CARRIER), Party(REGION1), Party(REGION2)


def shed_ratio():
    return metrics()["overload_shed_ratio"]


def slow(do, seconds=0.4):
    """What is sent meanwhile waits in the node's socket."""
    os.kill(PID, signal.SIGSTOP)
    try:
        do()
        time.sleep(seconds)
    finally:
        os.kill(PID, signal.SIGCONT)


def invites(n):
    dialogs = [Dialog(carrier) for _ in range(n)]
    for dialog in dialogs:
        carrier.send(dialog.request("INVITE").replace(";branch", ";oc;branch", 1), FRONT)
    return dialogs


def established():
    dialog = Dialog(carrier)
    carrier.send(dialog.request("INVITE"), FRONT)
    at_region = region.expect("INVITE")
    region.send(response(at_region, 200, contact=CONTACT), at_region)
    dialog.learn(carrier.expect(200))
    carrier.send(dialog.request("ACK"), FRONT)
    region.expect("ACK")
    return dialog


def new_calls_are_shed_and_dialogs_go_on():
    regions_up()
    assert shed_ratio() == 0
    calls = [established() for _ in range(5)]
    before = metrics()["calls_shed_total"]
    finals = {}
    until = time.monotonic() + 60
    while metrics()["calls_shed_total"] - before < 5 and time.monotonic() < until:
        # lengths that differ: in step with the node's own questions, each window would have one that did not wait
        slow(lambda: invites(4), random.uniform(0.2, 0.7))
        time.sleep(random.uniform(0.11, 0.2))  # the window ends; nothing that came in it was served at once
        invites(20)
    shed = metrics()["calls_shed_total"] - before
    assert shed >= 5, "%d calls shed" % shed
    for call in calls:  # whatever is shed, an established call can be ended
        bye = call.request("BYE")
        carrier.send(bye, FRONT)
        got = region.expect("BYE")
        region.send(response(got, 200), got)
    byes = 0
    while True:
        message = carrier.recv(None, 1)
        if message is None:
            break
        if message.status and message.status >= 200:
            call, method = message.one("Call-ID"), message.cseq_method()
            if method == "BYE" and message.status == 200:
                byes += 1
            elif method == "INVITE":
                assert message.status == 503, message.start
                assert int(message.one("Retry-After")) > 0
                told = re.search(r";oc=(\d+);oc-algo=\"loss\";oc-validity=(\d+);", message.one("Via"))  # RFC 7339
                assert told and int(told.group(1)) > 0 and int(told.group(2)) > 0, message.one("Via")
                finals[call] = message
    assert byes == len(calls), "%d of %d BYEs answered" % (byes, len(calls))
    shed = metrics()["calls_shed_total"] - before  # what still waited when it was first asked is counted too by now
    assert len(finals) == shed, "%d answered 503, %d counted" % (len(finals), shed)
    wait_until("the records", lambda: len(shed_records()) == shed)
    assert {record["call_id"] for record in shed_records()} == set(finals)


def shed_records():
    with open(LOG) as log:
        return [record for record in map(json.loads, log) if record["event"] == "end" and "OV" in record["flags"]]


def it_ends_by_itself():
    wait_until("no call is shed any more", lambda: shed_ratio() == 0, 15)
    CALLS.clear()
    dialog = established()
    carrier.send(dialog.request("BYE"), FRONT)
    got = region.expect("BYE")
    region.send(response(got, 200), got)
    carrier.expect(200)


sys.exit(run_cases([
    ("overload: new calls are answered 503 and recorded, dialogs go on", new_calls_are_shed_and_dialogs_go_on),
    ("overload: over when the queue is gone", it_ends_by_itself),
], sys.argv[3:]) > 0)
