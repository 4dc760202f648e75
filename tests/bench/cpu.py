"""CPU per call, for tests/bench/calls: the sum of what the scheduler says each thread of a server (and of its children)
has run, after a round's calls less before them, divided by the calls. A round with a failed call says nothing of what a
call costs: it is made again, and after three such the bench gives up."""
import statistics
import sys

from stage import cpu_ns, progress

TRIES = 3


def one_round(bench, name, process, rate, seconds, cpus):
    for _ in range(TRIES):
        before = cpu_ns(process.pid)
        result = bench.call(name, rate, seconds, cpus)
        used = cpu_ns(process.pid) - before
        if process.poll() is not None:
            sys.exit("calls: %s ended:\n%s" % (name, bench.tail(name)))
        if not result.failed:
            return used / 1000 / (rate * seconds), result.percentile(0.99)
        print("calls: refused a round: %s lost %d of %d calls at %d a second" % (name, result.failed, rate * seconds, rate),
              file=sys.stderr)
    sys.exit("calls: %s fails calls at %d a second: no figure" % (name, rate))


def measure(bench, servers, rates, seconds, rounds, cpus):
    samples = {}
    for rate in rates:
        for turn in range(rounds):
            for name, process in servers.items():
                progress("round %d of %d, %d calls/s, %s" % (turn + 1, rounds, rate, name))
                samples.setdefault((rate, name), []).append(one_round(bench, name, process, rate, seconds, cpus))
    progress("")
    return samples


def report(samples, names, transport="UDP"):
    figures = {}
    print("CPU per call, " + transport + ", one worker: median of rounds (lowest .. highest); p99 of INVITE to 200")
    print("%9s  %-12s %9s  %-18s %12s %9s %9s" % ("calls/s", "", "us", "", "of Kamailio", "of relay", "p99 ms"))
    for rate in sorted({rate for rate, _ in samples}):
        cpu = {name: statistics.median(us for us, _ in samples[rate, name]) for name in names}
        p99 = {name: statistics.median(ms for _, ms in samples[rate, name]) for name in names}
        for name in names:
            used, prefix = [us for us, _ in samples[rate, name]], "%s.cps%d.%s" % (transport.lower(), rate, name)
            figures[prefix + "_us"] = round(cpu[name], 2)
            figures[prefix + "_us_min"], figures[prefix + "_us_max"] = round(min(used), 2), round(max(used), 2)
            figures[prefix + "_setup_p99_ms"] = round(p99[name], 3)
            of = {other: cpu[name] / cpu[key] for other in ("kamailio", "relay")
                  for key in (other, "%s-%s" % (other, transport.lower())) if cpu.get(key)}
            print("%9d  %-12s %9.1f  %-18s %12s %9s %9.2f" % (
                rate, name, cpu[name], "(%.1f .. %.1f)" % (min(used), max(used)),
                "%.2f" % of["kamailio"] if "kamailio" in of else "-", "%.2f" % of["relay"] if "relay" in of else "-",
                p99[name]))
            # The highest rate is the last one written and stays: the headline figure.
            for other in of if name.startswith("tandem") else ():
                for which in ("", "cps%d." % rate):
                    figures["%s.%scpu_ratio_%s" % (transport.lower(), which, other)] = round(of[other], 3)
        if "claims" in names and "tandem" in names:
            figures["claims.cpu_ratio"] = round(cpu["claims"] / cpu["tandem"], 3)
            figures["claims.setup_p99_added_ms"] = round(p99["claims"] - p99["tandem"], 3)
            if "kamailio" in names:
                figures["claims.cpu_ratio_kamailio"] = round(cpu["claims"] / cpu["kamailio"], 3)
            print("%9d  with claims: CPU %.2f of without, p99 of INVITE to 200 %+.2f ms" % (
                rate, cpu["claims"] / cpu["tandem"], p99["claims"] - p99["tandem"]))
    return figures
