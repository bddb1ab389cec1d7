#!/bin/sh
# Runs avahi-browse with a bus, an avahi-daemon and a /run of its own; all of it ends with this script.
# Called as: ip netns exec NS unshare --mount --pid --fork --kill-child --mount-proc sh avahi.sh ARGUMENTS OF avahi-browse
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/avahi-daemon
dbus-daemon --system --fork --nopidfile >&2
cat > /run/avahi.conf <<'CONF'
[server]
use-ipv4=yes
use-ipv6=no
allow-interfaces=eth0
[publish]
disable-publishing=yes
CONF
avahi-daemon --no-drop-root --no-chroot --no-rlimits -f /run/avahi.conf -D >&2
exec avahi-browse "$@"
