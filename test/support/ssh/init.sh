#!/bin/sh
# Runs the daemon of a host without systemd: mco-init start|stop|restart.
set -eu
pidfile=/run/mco-deploy.pid
stop() {
  [ -f $pidfile ] || return 0
  pid=$(cat $pidfile)
  kill "$pid" 2>/dev/null || true
  while [ -d "/proc/$pid" ]; do sleep 0.05; done
  rm -f $pidfile
}
start() {
  setsid --fork sh -c "echo \$\$ >$pidfile; exec mco-deploy daemon" </dev/null >>/var/log/mco-deploy/daemon.log 2>&1
}
case $1 in
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
esac
