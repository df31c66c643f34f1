"""Memory that is given back: seen from outside, in a process of its own."""

import subprocess
import sys

_USE_AND_SETTLE = """
import gc
from common import memory

def resident_mb():
    told = open("/proc/self/status").read()
    return int(told.partition("VmRSS:")[2].split()[0]) / 1000

memory.bound_arenas()
used = [bytes(700) for _ in range(120_000)]
last = used[-1]  # so that the heap cannot simply shrink from its end
used_mb = resident_mb()
del used
memory.settle()
print(used_mb - resident_mb(), gc.get_freeze_count())
"""


def test_what_the_start_used_is_given_back_and_the_rest_is_looked_at_no_more() -> None:
    told = subprocess.run([sys.executable, "-c", _USE_AND_SETTLE], check=True, capture_output=True, text=True)
    given_back_mb, frozen = map(float, told.stdout.split())
    assert given_back_mb > 50
    assert frozen > 1000
