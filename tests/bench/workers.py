"""What a second worker adds, for tests/bench/calls, and what it costs that a trunk's calls come from one address and port:
with the BPF program that has the kernel choose the worker, and where that is not permitted ("handover"). Nothing is tied to
a core. And spread.c: the same for bare datagrams."""
import statistics
import subprocess

import capacity
import cpu
from stage import progress

NAMES = ("tandem", "tandem2", "handover")
SAID = {"tandem": "one worker", "tandem2": "two", "handover": "two, by hand-over"}


def spread(build, rounds):
    subprocess.run(["make", "-s", "-C", build, "tests/bench/spread"], check=True)
    progress("datagrams to their workers")
    said = subprocess.run([build + "/tests/bench/spread", str(rounds)], check=True, stdout=subprocess.PIPE, text=True).stdout
    progress("")
    figures, base = {}, {}
    print("A datagram to its worker: us of the workers and of all, of hand-over's; handed over, the busiest worker's share")
    for sources, workers, way, *values in (line.split() for line in said.splitlines()):
        used, every, handed, busiest = map(float, values)
        base[sources, workers] = base.get((sources, workers), (used, every))
        ratios = [value / than for value, than in zip((used, every), base[sources, workers])]
        print("%2s source%s, %s workers  %-9s %6.2f %6.2f  %5.2f %5.2f  %4.0f %% %4.0f %%" % (
            sources, " " if sources == "1" else "s", workers, way, used, every, *ratios, 100 * handed, 100 * busiest))
        if way != "hand-over":
            figures["spread.%s.sources%s.workers%s.cpu_ratio_handover" % (way, sources, workers)] = round(ratios[0], 3)
    return figures


def cost(bench, servers, cpus):
    """CPU per call of two workers, by that of hand-over and of one worker."""
    rates, figures = (500, 1500), {}
    samples = cpu.measure(bench, servers, rates, 6, 5, cpus)
    print("CPU per call, UDP, one source: median of rounds (lowest .. highest)")
    for rate in rates:
        used = {name: [us for us, _ in samples[rate, name]] for name in servers}
        middle = {name: statistics.median(used[name]) for name in servers}
        for name in servers:
            print("%9d  %-18s %9.1f  (%.1f .. %.1f)" % (rate, SAID[name], middle[name], min(used[name]), max(used[name])))
        for which in ("", "cps%d." % rate):  # the highest rate stays
            figures["workers2.%scpu_ratio_handover" % which] = round(middle["tandem2"] / middle["handover"], 3)
            figures["workers2.%scpu_ratio" % which] = round(middle["tandem2"] / middle["tandem"], 3)
    return figures


def most(bench, seconds, rates, cpus):
    """Best rate of two workers by that of one, while busy loops take most of every core."""
    busy = bench.handicap(capacity.BUSY, sorted(cpus))
    try:
        best, _ = capacity.climb(bench, NAMES, rates, seconds, cpus)
    finally:
        bench.end(busy)
        progress("")
    print("Completed calls a second, at best: " + ", ".join("%s %.0f" % (SAID[name], best[name]) for name in NAMES))
    if not best["tandem"]:
        return {}
    return {"workers1.max_cps": round(best["tandem"], 1), "workers2.max_cps": round(best["tandem2"], 1),
            "workers2.speedup": round(best["tandem2"] / best["tandem"], 3),
            "workers2.speedup_handover": round(best["handover"] / best["tandem"], 3)}


def measure(bench, servers, cpus):
    figures = spread(bench.args.build, 7)
    figures.update(cost(bench, {name: servers[name] for name in NAMES}, cpus))
    figures.update(most(bench, 6, range(1000, 8001, 500), cpus))
    return figures
