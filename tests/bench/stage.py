"""The stage of tests/bench/calls: the servers beside one another in a namespace, SIPp on both sides of them, and what
the scheduler and SIPp say of a round."""
import csv
import glob
import os
import re
import signal
import subprocess
import sys
import time

import tunnel

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CARRIER, REGIONS = "192.0.2.2", ("198.51.100.21", "198.51.100.22")
EGRESS = {"tandem": "198.51.100.11", "tandem2": "198.51.100.13", "claims": "198.51.100.14",
          "tandem-tcp": "198.51.100.15", "kamailio-tcp": "198.51.100.16",
          "handover": "198.51.100.19", "tandem-tls": "198.51.100.17", "kamailio-tls": "198.51.100.18"}
FRONT = {"tandem": "203.0.113.10", "kamailio": "203.0.113.11", "relay": "203.0.113.12", "tandem2": "203.0.113.13",
         "claims": "203.0.113.14", "tandem-tcp": "203.0.113.15", "kamailio-tcp": "203.0.113.16",
         "handover": "203.0.113.19", "tandem-tls": "203.0.113.17", "kamailio-tls": "203.0.113.18"}
CALL_MS = 200
NAMES = ("tandem", "claims", "kamailio", "relay")
STREAMS = {"TCP": ("tandem-tcp", "kamailio-tcp"), "TLS": ("tandem-tls", "kamailio-tls")}
TARGETS = {"udp": [address + ":5060" for address in REGIONS],
           "tcp": [address + ":5060;transport=tcp" for address in REGIONS],
           "tls": ["%s:%d;transport=tls" % (address, tunnel.PORT) for address in REGIONS]}

TANDEM_CONFIG = """
node: {{id: {name}, address: {egress}, egress: {egress}, workers: {workers}{authority}}}
listen:
  - {{address: {front}, port: 5060, transport: udp, anycast: true}}
  - {{address: {front}, port: 5060, transport: tcp, anycast: true}}{listen}
trunks:
  - {{name: carrier, sources: [192.0.2.0/24]}}
regions:
  - {{name: region-1, targets: ["sip:{r1}"]}}
  - {{name: region-2, targets: ["sip:{r2}"]}}
pools:
  - {{name: default, regions: [region-1, region-2], strategy: adaptive}}
rules:
  - {{name: all, pool: default}}
admin: {{listen: ["unix:{dir}/{name}.sock"]}}
log: {{level: warn, calls: {{file: {dir}/{name}.jsonl}}}}
{more}"""
TLS_LISTEN = """
  - {{address: {front}, port: {port}, transport: tls, anycast: true, certificate: {dir}/{front}.pem,
      key: {dir}/{front}.key}}"""
KAMAILIO_TCP = """tcp_children=1
tcp_source_ipv4={front}
listen=tcp:{front}:5060"""
KAMAILIO_TLS = KAMAILIO_TCP + """
enable_tls=yes
listen=tls:{front}:{port}
loadmodule "{modules}tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{dir}/{front}.pem")
modparam("tls", "private_key", "{dir}/{front}.key")
modparam("tls", "ca_list", "{dir}/ca.pem")
modparam("tls", "verify_certificate", 1)"""
CLAIMS_CONFIG = 'cluster: {{secret_file: key, redis: ["unix:{dir}/redis.sock"]}}\n'


SIPP_NICE = -10  # where that is permitted: SIPp is not what is measured


def place(cpus, nice):
    os.sched_setaffinity(0, cpus)
    try:
        os.nice(nice)
    except PermissionError:
        pass


class Bench:
    def __init__(self, args, workdir):
        self.args, self.dir = args, workdir
        self.processes = []

    def spawn(self, name, command, cpus, nice=0):
        log = open("%s/%s.log" % (self.dir, name), "w")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                                   preexec_fn=lambda: place(cpus, nice))
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def tail(self, name):
        with open("%s/%s.log" % (self.dir, name), errors="replace") as log:
            return "".join(log.readlines()[-5:])

    # ---- the servers ----

    def start_tandem(self, cpus, name="tandem", workers=1, more="", under=()):
        config, targets, tls = "%s/%s.yaml" % (self.dir, name), TARGETS[transport_of(name)], transport_of(name) == "tls"
        with open(config, "w") as out:
            out.write(TANDEM_CONFIG.format(
                name=name, workers=workers, egress=EGRESS[name], front=FRONT[name], r1=targets[0], r2=targets[1],
                dir=self.dir, more=more, authority=", ca: %s/ca.pem" % self.dir if tls else "",
                listen=TLS_LISTEN.format(front=FRONT[name], dir=self.dir, port=tunnel.PORT) if tls else ""))
        return self.spawn(name, [*under, self.args.build + "/tandemd", "-c", config], cpus)

    def start_tandem2(self, cpus):
        return self.start_tandem(cpus, "tandem2", 2)

    def start_handover(self, cpus):
        """Two workers, and no permission for BPF: the kernel chooses among them by addresses and ports."""
        return self.start_tandem(cpus, "handover", 2, under=("setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin"))

    def start_claims(self, cpus):
        """tandem as one node of a fleet: it claims each transaction in Redis, which runs beside SIPp. By a Unix socket: over
        TCP on loopback the sender's system calls do the receiver's work as well."""
        others = set(os.sched_getaffinity(0)) - cpus
        self.spawn("redis", ["redis-server", "--port", "0", "--unixsocket", self.dir + "/redis.sock", "--save", "", "--appendonly",
                             "no", "--dir", self.dir], others or cpus)
        with open(self.dir + "/key", "w") as key:
            key.write("a secret for the bench, long enough\n")
        return self.start_tandem(cpus, "claims", 1, CLAIMS_CONFIG.format(dir=self.dir))

    def start_kamailio(self, cpus, name="kamailio"):
        modules = glob.glob("/usr/lib/*/kamailio/modules/tm.so")
        if not modules:
            sys.exit("calls: no Kamailio here: etc/install-packages bench")
        transport, run, modules = transport_of(name), "%s/%s.run" % (self.dir, name), os.path.dirname(modules[0]) + "/"
        os.makedirs(run)
        with open(HERE + "/kamailio.cfg") as template, open(run + "/kamailio.cfg", "w") as out:
            text = template.read().replace("@LISTEN@", FRONT[name] + ":5060").replace("@DIR@", run)
            if transport != "udp":  # one process for it, as there is one for UDP
                more = KAMAILIO_TLS if transport == "tls" else KAMAILIO_TCP
                text = text.replace("disable_tcp=yes", more.format(front=FRONT[name], dir=self.dir, modules=modules,
                                                                   port=tunnel.PORT))
            out.write(text.replace("@MODULES@", modules))
        with open(run + "/dispatcher.list", "w") as out:
            out.write("1 sip:%s 0 10\n1 sip:%s 0 5\n" % tuple(TARGETS[transport]))
        return self.spawn(name, ["kamailio", "-DD", "-E", "-m", "1024", "-x", "tlsf", "-X", "tlsf", "-Y", run, "-f",
                                 run + "/kamailio.cfg"], cpus)

    def start_relay(self, cpus):
        return self.spawn("relay", [self.args.build + "/tests/bench/relay", FRONT["relay"] + ":5060",
                                    CARRIER + ":5070", REGIONS[0] + ":5060"], cpus)

    def start_regions(self, cpus, tls):
        """SIPp at each region's address, one for each transport; TLS ends before it, in a tunnel."""
        ways = [("uas", "u1", 5060), ("uas", "t1", 5060)] + ([("uas-tls", "t1", tunnel.BEHIND)] if tls else [])
        for address in REGIONS:
            for scenario, way, port in ways:
                self.spawn("%s-%s-%s" % (scenario, address, way),
                           ["sipp", "-nostdin", "-sf", "%s/%s.xml" % (self.dir, scenario), "-i", address, "-p", str(port),
                            "-t", way, "-bind_local", "-default_behaviors", "all,-bye"], cpus)

    def start_tunnels(self, cpus):
        tunnel.write(self.dir, CARRIER, [FRONT[name] for name in STREAMS["TLS"]], REGIONS)
        self.spawn("tunnels", ["stunnel", self.dir + "/tunnels.conf"], cpus, SIPP_NICE)

    # ---- one round ----

    def call(self, server, rate, seconds, cpus, most=None):
        """Places calls through a server; returns a Round. `most`: seconds after which what is not over is given up."""
        stat, calls = "%s/uac.csv" % self.dir, rate * seconds
        for old in [stat] + glob.glob(self.dir + "/*_rtt.csv"):
            if os.path.exists(old):
                os.unlink(old)
        transport, front = transport_of(server), FRONT[server]
        scenario = "/uac-tls.xml" if transport == "tls" else "/uac.xml"
        command = ["sipp", "-nostdin", "-sf", self.dir + scenario, "-i", CARRIER, "-p", "5070",
                   "-s", "+14155550123", "-key", "front", "%s:%d" % (front, tunnel.PORT), "-bind_local",
                   "-r", str(rate), "-m", str(calls), "-l", "1000000", "-d", str(CALL_MS),
                   "-t", "u1" if transport == "udp" else "t1", "-trace_stat", "-stf", stat, "-fd", "1", "-trace_rtt",
                   "-rtt_freq", "1000", "-timeout", "%ds" % (seconds + 30),
                   tunnel.entrance(CARRIER, front) if transport == "tls" else front + ":5060"]
        uac = self.spawn("uac-" + server, command, cpus, SIPP_NICE)
        try:
            uac.wait(most or seconds + 60)
        except subprocess.TimeoutExpired:
            uac.kill()  # it would wait for every call that got no answer
            uac.wait()
            time.sleep(2)  # the server's queue is worked off
        self.processes.remove(uac)
        if not os.path.exists(stat):
            sys.exit("calls: SIPp did not start:\n" + self.tail("uac-" + server))
        return Round(stat, glob.glob(self.dir + "/*_rtt.csv"), calls, seconds)

    def handicap(self, each, cpus):
        """Busy loops that leave a server so small a part of each core that SIPp is not what gives out first."""
        loop = [sys.executable, "-c", "while True: pass"]
        return [self.spawn("busy-%d-%d" % (cpu, i), loop, {cpu}) for cpu in cpus for i in range(each)]

    def end(self, processes):
        for process in processes:
            process.kill()
            process.wait()
            self.processes.remove(process)


def transport_of(name):
    return name.partition("-")[2] or "udp"


class Round:
    """What SIPp says of a round: `failed` calls, and over its steady part `rate` completed calls a second and
    `setups_ms`, INVITE to 200, sorted."""

    def __init__(self, stat, rtts, calls, seconds):
        with open(stat, newline="") as rows:
            rows = list(csv.DictReader(rows, delimiter=";"))
        at = lambda row: clock_s(row["ElapsedTime(C)"])
        good = lambda row: int(row["SuccessfulCall(C)"])
        self.failed = calls - good(rows[-1])
        self.steady = [(at(row), good(row)) for row in rows if 1 <= at(row) <= seconds + 0.2]
        self.setups_ms = []
        for name in rtts:
            with open(name) as out:
                self.setups_ms += [float(line.split(";")[1]) for line in out if re.match(r"[0-9.]+;[0-9.]+;", line)]
        self.setups_ms.sort()

    @property
    def rate(self):
        (begun, first), (ended, last) = (self.steady[0], self.steady[-1]) if self.steady else ((0, 0), (0, 0))
        if ended == begun:
            sys.exit("calls: SIPp wrote too few rows of statistics for a rate")
        return (last - first) / (ended - begun)

    def percentile(self, share):
        return self.setups_ms[min(int(len(self.setups_ms) * share), len(self.setups_ms) - 1)] if self.setups_ms else None


def clock_s(text):
    """Seconds of SIPp's HH:MM:SS:uuuuuu or HH:MM:SS; a round has no hours."""
    parts = text.split(":")
    return int(parts[1]) * 60 + int(parts[2]) + (int(parts[3]) / 1e6 if len(parts) > 3 else 0)


def cpu_ns(pid):
    """CPU time of a process, all its threads and its children."""
    total = 0
    for task in glob.glob("/proc/%d/task/*" % pid):
        try:
            with open(task + "/schedstat") as f:
                total += int(f.read().split()[0])
            with open(task + "/children") as f:
                children = [int(child) for child in f.read().split()]
        except FileNotFoundError:
            continue
        total += sum(cpu_ns(child) for child in children)
    return total


def wait_for_udp(address, seconds=10):
    """Waits until something is bound to the address: the kernel's own table, so that nothing is sent."""
    wanted = "%02X%02X%02X%02X:13C4" % tuple(int(part) for part in reversed(address.split(".")))
    for _ in range(seconds * 20):
        with open("/proc/net/udp") as table:
            if wanted in table.read():
                return True
        time.sleep(0.05)
    return False


def set_up_network():
    commands = ["link set lo up"]
    for address in (CARRIER, *EGRESS.values(), *REGIONS, *FRONT.values()):
        commands.append("addr add %s/32 dev lo" % address)
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def write_scenarios(directory):
    ladders = {"uac": "send INVITE, recv 180, recv 200, send ACK, pause, send BYE, recv 200",
               "uas": "recv INVITE, send 180, send 200, recv ACK, recv BYE, send 200"}
    for role, ladder in ladders.items():
        scenario = subprocess.run([TOP + "/tests/sipp/scenario", role, ladder], check=True, stdout=subprocess.PIPE,
                                  text=True).stdout
        if role == "uac":  # time from the INVITE to its 200
            scenario = scenario.replace("<send ", '<send start_rtd="invite" ', 1)
            scenario = scenario.replace('rrs="true"', 'rrs="true" rtd="invite"', 1)
        for name, text in ((role, scenario), (role + "-tls", tunnel.by_tls(scenario))):
            with open("%s/%s.xml" % (directory, name), "w") as out:
                out.write(text)


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()
