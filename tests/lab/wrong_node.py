"""What becomes of a call when its packets reach another node in the middle of something. See tests/lab/wrong-node.

The picture is that of lab_net.py. A route is moved by hand where a router would move it by BGP, so that it happens
exactly between two packets. When the owner is killed or frozen, its egress address is moved too, as it is by BGP where
others announce it as backup. wrong_node_cases.py has the calls, lab_stacks.py the nodes.
"""
import json
import os
import signal
import sys

from lab_net import ANYCAST, Net, Redis, egress
from lab_stacks import Kamailio, Tandem
from wrong_node_cases import (OWNERS, STEPS, Call, Lost, ack_failure, answer, bye_callee, cancel, invite_again, prack,
                              provisional)


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
