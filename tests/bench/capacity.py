"""How many calls a second, for tests/bench/calls: rates that rise until completed calls do so no more, the servers in
turn. Busy loops take most of every core, from all servers alike, so that a server gives out long before SIPp does; what
counts is the ratio. Then the best rate twice over: what is left of it is what shedding is worth."""
from stage import progress

BUSY = 3             # loops a core: a server has about a quarter of one


def climb(bench, names, rates, seconds, cpus):
    """The most completed calls a second of each, and the p99 of the time from INVITE to 200 at the lowest rate, ms."""
    best, p99, over = {name: 0.0 for name in names}, {}, set()
    for rate in rates:
        for name in names:
            if name in over:
                continue
            progress("capacity: %d calls/s, %s" % (rate, name))
            result = bench.call(name, rate, seconds, cpus, seconds + 3)
            got = result.rate
            p99.setdefault(name, result.percentile(0.99))
            best[name] = max(best[name], got)
            if got < best[name] * 0.8 or got < rate * 0.6:
                over.add(name)
    return best, p99


def measure(bench, servers, seconds, rates, cpus, cores):
    names = [name for name in ("tandem", "kamailio") if name in servers]
    busy = bench.handicap(BUSY, cores)
    try:
        best, p99 = climb(bench, names, rates, seconds, cpus)
        twice = {}
        for name in names:
            progress("capacity: twice the best, %s" % name)
            twice[name] = bench.call(name, int(2 * best[name]), seconds * 2, cpus, seconds * 2 + 3).rate
    finally:
        bench.end(busy)
        progress("")
    return best, p99, twice


def report(best, p99, twice):
    figures = {}
    print("Completed calls a second, UDP, one worker, on a part of a core: at best, and at twice that rate offered; "
          "p99 of INVITE to 200, ms, at the lowest rate")
    for name in best:
        share = twice[name] / best[name] if best[name] else 0.0
        print("%-9s %9.0f %9.0f  %4.0f %% %9.1f" % (name, best[name], twice[name], 100 * share, p99[name] or 0))
        figures["udp.%s_max_cps" % name] = round(best[name], 1)
        figures["udp.%s_goodput_at_twice" % name] = round(share, 3)
    if p99.get("kamailio") and p99["tandem"]:
        figures["udp.setup_p99_ratio_kamailio"] = round(p99["tandem"] / p99["kamailio"], 3)
    if best.get("kamailio"):
        figures["udp.max_cps_ratio_kamailio"] = round(best["tandem"] / best["kamailio"], 3)
    return figures
