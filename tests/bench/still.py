"""What needs no traffic, for tests/bench/calls: memory per call, by the unit test that holds it to its bounds, and the
look-up of a trunk among 100,000 prefixes."""
import re
import subprocess


def measure(build):
    subprocess.run(["make", "-s", "-C", build, "tests/bench/lookup", "tests/unit/call_memory_test"], check=True)
    said = subprocess.run([build + "/tests/unit/call_memory_test"], check=True, stdout=subprocess.PIPE, text=True).stdout
    figures = {name: int(value) for name, value in re.findall(r"(mem\.\w+) (\d+)", said)}
    figures["trunk_lookup_ns"] = float(subprocess.run([build + "/tests/bench/lookup"], check=True,
                                                      stdout=subprocess.PIPE, text=True).stdout)
    for name, value in figures.items():
        print("%-24s %g" % (name, value))
    return figures
