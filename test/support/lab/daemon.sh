#!/bin/sh
# Runs the host's daemon and writes down how it ended. Installed as lab-daemon on every host.
log=/var/log/mco-deploy/daemon.log
sh -c 'echo $$ >/run/mco-deploy.pid; exec lab-clock mco-deploy daemon --config /etc/mco-deploy/node.yaml' </dev/null >>$log 2>&1
echo "{\"msg\":\"exited\",\"code\":$?}" >>$log
