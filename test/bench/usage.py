# Runs a program and writes on standard error, as the last line, what it used: milliseconds of CPU, MiB of memory at most.
import json, resource, subprocess, sys

code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("\n" + json.dumps({"cpu": (used.ru_utime + used.ru_stime) * 1000, "memory": used.ru_maxrss / 1024}), file=sys.stderr)
sys.exit(code)
