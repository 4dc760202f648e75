"""The two stacks whose nodes stand in the picture of lab_net.py: tandem and Kamailio."""
import json
import os
import socket
import subprocess

from lab_net import ANYCAST, REDIS, REGION, SLOW_REDIS, Process, egress, inside, link, wait_until


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
