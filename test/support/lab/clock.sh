#!/bin/sh
# Runs a command under the host's own clock, which a test steps: /etc/clock holds its offset from the machine's in seconds
# (“+3600”). Without that file, under the machine's. Installed as lab-clock on every host.
if [ -e /etc/clock ]; then
  # The file is read again each second. Only the time of day is stepped: timers do not see it, as on a real host.
  # shellcheck disable=SC2016 # ld.so replaces $LIB
  export LD_PRELOAD='/usr/$LIB/faketime/libfaketimeMT.so.1' FAKETIME_TIMESTAMP_FILE=/etc/clock FAKETIME_CACHE_DURATION=1
  export FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1
fi
exec "$@"
