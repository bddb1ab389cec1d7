# Runs a program and writes on standard error, as the last line, what it used: milliseconds of time from its start to its end and
# of CPU, MiB of memory at most.
import json, resource, subprocess, sys, time

began = time.monotonic()
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
elapsed = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
figures = {"time": elapsed * 1000, "cpu": (used.ru_utime + used.ru_stime) * 1000, "memory": used.ru_maxrss / 1024}
print("\n" + json.dumps(figures), file=sys.stderr)
sys.exit(code)
