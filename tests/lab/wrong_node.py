"""What becomes of a call when its packets reach another node in the middle of something. See tests/lab/wrong-node.

            carrier 192.0.2.2          region 192.0.2.130
                   |                          |
                   +--------- router ---------+        Redis 10.9.9.1 (slow: 10.9.9.2)
                    /         |         \\
      198.51.100.11 n1   .19 n2    .27 n3              203.0.113.10 on each; egress 198.51.100.201 .. 203

Carrier and region are sockets of this program; a route is moved by hand where a router would move it by BGP, so that it
happens exactly between two packets. When the owner is killed or frozen, its egress address is moved too, as it is by
BGP where others announce it as backup.
"""
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
import sip  # noqa: E402
from sip import Dialog, Party, response  # noqa: E402

CARRIER, REGION, ANYCAST = "192.0.2.2", "192.0.2.130", sip.ANYCAST
REDIS, SLOW_REDIS, SLOW_S = "10.9.9.1", "10.9.9.2", 0.02
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def link(i):
    """The router's and the node's end of node i's link."""
    return "198.51.100.%d" % (8 * i + 1), "198.51.100.%d" % (8 * i + 3)


def egress(i):
    return "198.51.100.%d" % (200 + i)


def sh(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)


class inside:
    """with inside(NAMESPACE): sockets are made there."""

    def __init__(self, name):
        self.fd = os.open("/run/netns/" + name, os.O_RDONLY)
        self.back = os.open("/proc/self/ns/net", os.O_RDONLY)

    def __enter__(self):
        assert LIBC.setns(self.fd, CLONE_NEWNET) == 0

    def __exit__(self, *_):
        assert LIBC.setns(self.back, CLONE_NEWNET) == 0
        os.close(self.fd)
        os.close(self.back)


def wait_until(what, condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain: " + what
        time.sleep(0.03)


class SlowRedis(threading.Thread):
    """Passes bytes on, later."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server((SLOW_REDIS, 6379))

    def run(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection((REDIS, 6379))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    @staticmethod
    def carry(a, b):
        try:
            while data := a.recv(65536):
                time.sleep(SLOW_S / 2)
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Net:
    """The namespaces, once; routes are moved by the cases."""

    def __init__(self, work, n_nodes=3, parties=True):
        self.work, self.n = work, n_nodes
        for place in ["router", "carrier", "region"] + ["n%d" % i for i in range(1, n_nodes + 1)]:
            sh("ip", "netns", "add", place)
            sh("ip", "-n", place, "link", "set", "lo", "up")
            sh("ip", "netns", "exec", place, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
        sh("ip", "netns", "exec", "router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.join("carrier", "192.0.2.1", CARRIER)
        self.join("region", "192.0.2.129", REGION)
        for i in range(1, n_nodes + 1):
            self.join("n%d" % i, *link(i))
        for address in (REDIS, SLOW_REDIS):
            sh("ip", "-n", "router", "address", "add", address + "/32", "dev", "lo")
        with inside("router"):
            SlowRedis().start()
        if parties:
            with inside("carrier"):
                self.carrier = Party(CARRIER)
            with inside("region"):
                self.region = Party(REGION)

    @staticmethod
    def join(place, gateway, address):
        sh("ip", "link", "add", "to-" + place, "netns", "router", "type", "veth", "peer", "name", "eth0", "netns", place)
        sh("ip", "-n", "router", "address", "add", gateway + "/29", "dev", "to-" + place)
        sh("ip", "-n", "router", "link", "set", "to-" + place, "up")
        sh("ip", "-n", place, "address", "add", address + "/29", "dev", "eth0")
        sh("ip", "-n", place, "link", "set", "eth0", "up")
        sh("ip", "-n", place, "route", "add", "default", "via", gateway)

    @staticmethod
    def route(address, i):
        sh("ip", "-n", "router", "route", "replace", address + "/32", "via", link(i)[1])


class Process:
    def __init__(self, place, log, *command):
        self.log = open(log, "ab")
        self.process = subprocess.Popen(["ip", "netns", "exec", place, *command], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)

    def signal(self, number):
        os.killpg(self.process.pid, number)  # Kamailio is several

    def kill(self):
        try:
            self.signal(signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.log.close()


class Redis:
    def __init__(self, work):
        self.work, self.process = work, None
        self.start()

    def start(self):
        self.process = Process("router", self.work + "/redis.log", "redis-server", "--bind", REDIS, "--save", "",
                               "--appendonly", "no", "--dir", self.work, "--protected-mode", "no")
        wait_until("redis", self.answers)

    @staticmethod
    def answers():
        try:
            with inside("router"):
                s = socket.create_connection((REDIS, 6379), 1)
            with s:
                s.sendall(b"PING\r\n")
                return s.recv(16) == b"+PONG\r\n"
        except OSError:
            return False

    def stop(self):
        if self.process:
            self.process.kill()
        self.process = None


# ---- the two stacks ----

class Tandem:
    name = "tandem"

    def __init__(self, net, program, n, redis, peers=""):
        self.net, self.program, self.n, self.slow, self.peers = net, program, n, redis == "slow", peers
        with open(net.work + "/cluster.key", "w") as key:
            key.write("the secret of the lab, the same on all nodes\n")
        self.nodes = {}

    def config(self, i):
        others = ", ".join(egress(k) for k in range(1, self.n + 1) if k != i)
        path = "%s/n%d.yaml" % (self.net.work, i)
        with open(path, "w") as out:
            out.write("""node: {id: n%(i)d, address: %(own)s, egress: %(egress)s, workers: 1}
listen: [{address: %(anycast)s, port: 5060, transport: udp, anycast: true}]
trunks: [{name: carrier-a, sources: [192.0.2.0/29]}]
regions: [{name: region-1, targets: ["sip:%(region)s:5060"]}]
probes: {interval: 200ms, timeout: 150ms, rise: 1, fall: 25}
pools: [{name: default, regions: [region-1], strategy: priority, failover: {first_response: 10s}}]
rules: [{name: all, pool: default}]
tuning: {slow_start: 0s, eject_failures: 0}
overload: {target: 1s}
anycast:
  as: 64512
  prefixes: [{prefix: %(anycast)s/32, manage_address: true}]
  announce_egress: true
  egress_backup: [%(others)s]
  %(peers)s
  gate: {rise: 1, fall: 2, interval: 100ms, hold: 0s}
cluster: {secret_file: cluster.key, redis: ["redis://%(redis)s:6379"]}
admin: {listen: ["127.0.0.1:8080"]}
log: {level: info, calls: {file: %(work)s/calls%(i)d.jsonl}}
""" % {"i": i, "own": link(i)[1], "egress": egress(i), "anycast": ANYCAST, "region": REGION, "others": others,
                "peers": self.peers % {"router": link(i)[0], "own": link(i)[1]} if self.peers else "peers: []",
                "redis": SLOW_REDIS if self.slow else REDIS, "work": self.net.work})
        return path

    def get(self, i, path):
        try:
            with inside("n%d" % i):
                s = socket.create_connection(("127.0.0.1", 8080), 1)
            with s:
                s.settimeout(2)
                s.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
                data = b""
                while piece := s.recv(65536):
                    data += piece
            return data.partition(b"\r\n\r\n")[2].decode()
        except OSError:
            return ""

    def ready(self, i):
        text = self.get(i, "/v1/regions")
        return bool(text) and all(r["healthy"] for r in json.loads(text)["regions"]) and \
            self.announced(i)

    def announced(self, i):
        text = self.get(i, "/v1/anycast")
        return bool(text) and all(p["address_present"] and p["action"] in ("announce", "degrade")
                                  for p in json.loads(text)["prefixes"])

    def sees(self, i, nodes):
        text = self.get(i, "/v1/cluster")
        return bool(text) and {n["node"] for n in json.loads(text)["nodes"] if n["present"]} >= {"n%d" % k for k in nodes}

    def works(self, i, wanted):
        return "tandem_cluster_works %d" % wanted in self.get(i, "/metrics")

    def start(self, i):
        self.nodes[i] = Process("n%d" % i, "%s/n%d.log" % (self.net.work, i), self.program, "-c", self.config(i))

    def whole(self, redis):
        """All are up, and know one another."""
        for i in range(1, self.n + 1):
            wait_until("n%d ready" % i, lambda: self.ready(i))
            if redis:
                wait_until("n%d sees all" % i, lambda: self.sees(i, range(1, self.n + 1)))

    def redis_gone(self):
        for i in range(1, self.n + 1):
            wait_until("n%d notices" % i, lambda: self.works(i, 0))


class Kamailio:
    """As its users set it up for anycast: every node listens on the shared address, and sends to the region from its
    own, so that responses find it; the dialog's route is the shared address."""
    name = "kamailio"

    def __init__(self, net, program, n, redis):
        self.net, self.n, self.nodes = net, n, {}
        for i in range(1, n + 1):
            subprocess.run(["ip", "-n", "n%d" % i, "address", "add", ANYCAST + "/32", "dev", "lo"], check=False,
                           stderr=subprocess.DEVNULL)
            subprocess.run(["ip", "-n", "n%d" % i, "address", "add", egress(i) + "/32", "dev", "lo"], check=False,
                           stderr=subprocess.DEVNULL)

    def start(self, i):
        work = "%s/kamailio%d" % (self.net.work, i)
        os.makedirs(work, exist_ok=True)
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kamailio.cfg")) as template:
            text = template.read()
        modules = next(p for p in ("/usr/lib/x86_64-linux-gnu/kamailio/modules/", "/usr/lib/aarch64-linux-gnu/kamailio/modules/")
                       if os.path.isdir(p))
        for name, value in (("ANYCAST", ANYCAST), ("OWN", egress(i)), ("REGION", REGION), ("MODULES", modules)):
            text = text.replace("@%s@" % name, value)
        with open(work + "/kamailio.cfg", "w") as out:
            out.write(text)
        self.nodes[i] = Process("n%d" % i, work + "/log", "kamailio", "-DD", "-E", "-f", work + "/kamailio.cfg", "-Y", work,
                                "-P", work + "/pid", "-x", "tlsf", "-X", "tlsf", "-m", "32", "-M", "4")

    def whole(self, redis):
        for i in range(1, self.n + 1):
            wait_until("kamailio n%d" % i, lambda: self.listens(i))

    @staticmethod
    def listens(i):
        out = subprocess.run(["ip", "netns", "exec", "n%d" % i, "ss", "-Hlun", "src", ANYCAST + ":5060"],
                             stdout=subprocess.PIPE, check=False)
        return bool(out.stdout.strip())

    def redis_gone(self):
        pass


# ---- a case ----

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


class Lab:
    """One stack with n nodes, and Redis up, slow or down."""

    def __init__(self, net, stack, n, redis, server):
        self.net, self.n, self.redis, self.server = net, n, redis, server
        self.stack = stack(net, PROGRAM, n, redis)
        self.routes()
        for i in range(1, n + 1):
            self.stack.start(i)
        self.stack.whole(True)
        if redis == "down":
            server.stop()
            self.stack.redis_gone()

    def routes(self):
        for i in range(1, self.n + 1):
            self.net.route(egress(i), i)
        self.net.route(ANYCAST, 1)

    def run(self, step, owner):
        """None: kept; else why it is lost."""
        try:
            step(Call(self, owner))
            return None
        except (Lost, AssertionError, IndexError, AttributeError) as why:
            return str(why) or type(why).__name__
        finally:
            self.mend(owner)

    def mend(self, owner):
        self.routes()
        if owner == "frozen":
            self.stack.nodes[1].signal(signal.SIGCONT)
        elif owner == "killed":
            self.stack.nodes[1].kill()
            self.stack.start(1)
        if self.redis == "down" and owner in ("killed", "restarted"):  # who was born without Redis knows nobody
            self.server.start()
            self.stack.whole(True)
            self.server.stop()
            self.stack.redis_gone()
        self.stack.whole(self.redis != "down")

    def end(self):
        for node in self.stack.nodes.values():
            node.kill()
        if self.redis == "down":
            self.server.start()


def short(net, server, only):
    """A line a case, as tests/lib.sh does."""
    failed = 0
    todo = [(invite_again, "alive"), (invite_again, "killed"), (ack_failure, "alive"), (cancel, "alive"), (cancel, "killed"),
            (cancel, "frozen"), (provisional, "killed"), (answer, "frozen"), (prack, "killed"), (bye_callee, "killed"),
            (cancel, "restarted"), (answer, "restarted")]
    todo = [(name_of(step, owner), step, owner) for step, owner in todo]
    todo = [t for t in todo if not only or any(o == t[0] or o.startswith(t[0] + ": ") for o in only)]
    if not todo:
        return 0
    lab = Lab(net, Tandem, 2, "up", server)
    for name, step, owner in todo:
        why = lab.run(step, owner)
        print("not ok - %s: %s" % (name, why) if why else "ok - " + name, flush=True)
        if why:
            failed += 1
            for i in (1, 2):
                with open("%s/n%d.log" % (net.work, i)) as log:
                    for line in log.readlines()[-8:]:
                        print("#   n%d: %s" % (i, line.rstrip()[:250]), flush=True)
    lab.end()
    return failed


def name_of(step, owner):
    return "%s, owner %s" % (step.__name__.replace("_", " "), owner)


def scoreboard(net, server, stacks, path):
    figures, rows = {}, {}
    for stack in stacks:
        kept = lost = 0
        for n in (2, 3):
            for redis in ("up", "slow", "down") if stack is Tandem else ("up",):
                lab = Lab(net, stack, n, redis, server)
                for step in STEPS:
                    for owner in OWNERS:
                        why = lab.run(step, owner)
                        rows[stack.name, n, redis, step.__name__, owner] = why
                        kept, lost = kept + (not why), lost + bool(why)
                        print("%-9s %d nodes, redis %-4s %-13s %-7s %s" % (
                            stack.name, n, redis, step.__name__.replace("_", " "), owner, "lost: " + why if why else "kept"), flush=True)
                lab.end()
        prefix = "" if stack is Tandem else stack.name + "."
        figures.update({prefix + "cases": kept + lost, prefix + "kept": kept, prefix + "lost": lost})
    table(rows, stacks)
    for name, value in figures.items():
        print("%-16s %d" % (name, value))
    if path:
        with open(path, "w") as out:
            json.dump(figures, out, indent=1)


def table(rows, stacks):
    """kept of how many, a line a step."""
    columns = [(s.name, redis) for s in stacks for redis in (("up", "slow", "down") if s is Tandem else ("up",))]
    print("\nkept: alive, killed, frozen, restarted owner, with 2 and 3 nodes\n%-14s" % "" +
          "".join("%-24s" % ("%s, redis %s" % c if c[0] == "tandem" else c[0]) for c in columns))
    for step in STEPS:
        cells = []
        for name, redis in columns:
            marks = ""
            for n in (2, 3):
                marks += "".join("." if rows[name, n, redis, step.__name__, o] else "k" for o in OWNERS) + " "
            cells.append("%-24s" % marks)
        print("%-14s" % step.__name__.replace("_", " ") + "".join(cells))


def main():
    global PROGRAM
    work, PROGRAM, *args = sys.argv[1:]
    everything = "--all" in args
    path = os.path.abspath(args[args.index("--json") + 1]) if "--json" in args else None
    only = args[args.index("--stack") + 1] if "--stack" in args else None
    net, server = Net(work, 3 if everything else 2), Redis(work)
    try:
        if everything:
            scoreboard(net, server, [s for s in (Tandem, Kamailio) if only in (None, s.name)], path)
            return 0
        return 1 if short(net, server, args) else 0
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
