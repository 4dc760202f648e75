"""One node of three dies under load, for tests/bench/fleet: 200 calls a second, 2,000 up, 100 ringing, then SIGKILL.

    fleet_kill.py WORK TANDEMD SCENARIO [--quick]

The picture of tests/lab/lab_net.py with BIRD as the router: the shared address by three equal routes, each egress
address by its node's own route, and by the others' as backup. SIPp calls through it, each call from a port of its own;
tests/lab/region.py answers. Prints NAME VALUE a line.
"""
import csv
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))
from lab_net import ANYCAST, CARRIER, REGION, Net, Process, Redis, egress, link, sh, wait_until  # noqa: E402
from lab_stacks import Tandem  # noqa: E402

RATE, HOLD_MS, DELAY_MS, RING_MS = 200, 10000, 100, 500
N = 3
PEERS = "peers: [{name: router, address: %(router)s, local_address: %(own)s, as: 64600, connect_retry: 1s}]"


def bird(work):
    path = work + "/bird.conf"
    with open(path, "w") as out:
        out.write("""log stderr all;
router id 192.0.2.1;
protocol device { scan time 10; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; merge paths yes limit 16; metric 100; }
template bgp node { local as 64600; direct; connect retry time 1; connect delay time 1; error wait time 1, 2;
	ipv4 { import all; export none; }; }
""")
        for i in range(1, N + 1):
            out.write("protocol bgp n%d from node { source address %s; neighbor %s as 64512; }\n" % (i, *link(i)))
    return Process("router", work + "/bird.log", "bird", "-f", "-c", path, "-s", work + "/bird.ctl", "-P", work + "/bird.pid")


def next_hops(address):
    out = subprocess.run(["ip", "-n", "router", "route", "show", address], stdout=subprocess.PIPE, text=True, check=False).stdout
    return set(re.findall(r"dev to-(n\d)", out))


def figures(work):
    with open(work + "/region.json") as f:
        return json.load(f)


def metric(stack, i, name):
    found = re.search(r"^tandem_%s (\S+)$" % re.escape(name), stack.get(i, "/metrics"), re.M)
    return float(found.group(1)) if found else 0.0


def last_row(path):
    with open(path, newline="") as rows:
        return list(csv.DictReader(rows, delimiter=";"))[-1]


def main():
    work, program, scenario = sys.argv[1:4]
    hold_ms = 3000 if "--quick" in sys.argv else HOLD_MS
    most = RATE * hold_ms // 1000
    calls = most + RATE * 4
    net = Net(work, N, parties=False)
    # by addresses and ports, as a router does; over veth the sending socket's own hash would be taken
    for name, value in (("policy", "3"), ("fields", "55"), ("seed", "4660")):
        sh("ip", "netns", "exec", "router", "sysctl", "-qw", "net.ipv4.fib_multipath_hash_%s=%s" % (name, value))
    processes, redis = [bird(work)], Redis(work)
    stack = Tandem(net, program, N, "up", PEERS)
    try:
        processes.append(Process("region", work + "/region.log", sys.executable, os.path.join(HERE, "../lab/region.py"),
                                 REGION, str(DELAY_MS), work + "/region.json", str(RING_MS)))
        for i in range(1, N + 1):
            stack.start(i)
        stack.whole(True)
        wait_until("equal routes", lambda: next_hops(ANYCAST) == {"n1", "n2", "n3"})
        wait_until("egress routes", lambda: next_hops(egress(1)) == {"n1"})
        carrier = Process("carrier", work + "/carrier.log", "sipp", "-nostdin", "-sf", scenario, "-s", "+14155550123", "-t", "un",
                          "-max_socket", "5000", "-i", CARRIER, "-buff_size", "2097152", "-bind_local", "-default_behaviors", "all,-bye",
                          "-trace_stat", "-fd", "1", "-stf", work + "/carrier.csv", "-trace_err", "-error_file", work + "/carrier.err",
                          "-r", str(RATE), "-d", str(hold_ms), "-m", str(calls), "-timeout", "%ds" % (hold_ms // 1000 + 60),
                          ANYCAST + ":5060")
        processes.append(carrier)
        wait_until("%d calls up" % most, lambda: figures(work)["up"] >= most * 0.97, 60)
        up, ringing = metric(stack, 1, 'region_calls{region="region-1"}'), metric(stack, 1, 'region_setups{region="region-1"}')
        at = figures(work)
        stack.nodes[1].kill()
        wait_until("the dead node's routes go", lambda: next_hops(ANYCAST) == {"n2", "n3"} and "n1" not in next_hops(egress(1)))
        carrier.process.wait(hold_ms / 1000 + 120)
        time.sleep(1)
        row, end = last_row(work + "/carrier.csv"), figures(work)
        lost = calls - int(row["SuccessfulCall(C)"])
        for name, value in (("calls_up", at["up"]), ("calls_ringing", at["ringing"]), ("dead_node_up", up), ("dead_node_ringing", ringing),
                            ("placed", calls), ("lost", lost), ("established_lost", end["up"]),
                            ("ringing_lost", lost - end["up"]), ("duplicate_calls", end["duplicates"]), ("unknown_byes", end["unknown"]),
                            ("adopted", sum(metric(stack, i, 'claims_total{result="adopted"}') for i in (2, 3)))):
            print("%s %d" % (name, value))
    finally:
        for process in [*stack.nodes.values(), *processes]:
            process.kill()
        redis.stop()


if __name__ == "__main__":
    main()
