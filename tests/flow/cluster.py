#!/usr/bin/python3
"""Calls that are set up by one node and ended by another: cluster.py FIRST SECOND N. It is the carrier and region-1,
which answers whoever sent the request. At SIGUSR1 it sets up N calls by the first node and says "up"; at the next one it
sends their BYEs to the second node and says "over" when they are answered. For tests/flow/cluster."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sip

first, second, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
party, region = sip.Party(sip.CARRIER, 5080), sip.Party(sip.REGION1)
signal.sigtimedwait([signal.SIGUSR1], 100)
dialogs = [sip.Dialog(party) for _ in range(n)]
for d in dialogs:
    party.send(d.request("INVITE"), (first, 5060))
    invite = region.expect("INVITE", 20)
    region.send(sip.response(invite, 200, contact="sip:" + region.host()), invite)
    d.learn(party.expect(200, 20))
    party.send(d.request("ACK", cseq=d.cseq), (first, 5060))
    region.expect("ACK", 20)
print("up", flush=True)
signal.sigtimedwait([signal.SIGUSR1], 100)
for d in dialogs:
    party.send(d.request("BYE"), (second, 5060))
    bye = region.expect("BYE", 20)
    region.send(sip.response(bye, 200), bye)
    party.expect(200, 20)
print("over", flush=True)
