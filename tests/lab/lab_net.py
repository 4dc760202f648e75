"""The picture that tests/lab/wrong-node and tests/bench/fleet are made of: namespaces, routes, processes, Redis.

            carrier 192.0.2.2          region 192.0.2.130
                   |                          |
                   +--------- router ---------+        Redis 10.9.9.1 (slow: 10.9.9.2)
                    /         |         \\
      198.51.100.11 n1   .19 n2    .27 n3              203.0.113.10 on each; egress 198.51.100.201 .. 203

A route is moved by hand, or by a router that runs in its namespace.
"""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
import sip  # noqa: E402
from sip import Party  # noqa: E402

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
