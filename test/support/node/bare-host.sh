#!/bin/sh
# Runs a daemon and a client on a host that has nothing but the program, what the loader needs for it, and a read-only root.
# Run in its own namespaces. Values: the program, a directory with node/ and client/, a directory to mount on.
set -eu
program=$1 files=$2 root=$3
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir proc dev var etc node client
cp "$program" mco-deploy
for library in $(ldd "$program" | grep -o '/[^ ]*'); do
  mkdir -p ".${library%/*}"
  cp -L "$library" ".$library"
done
cp -R "$files/node/." node
cp -R "$files/client/." client
cp "$files/nodes.yaml" .
for device in null urandom; do
  : >dev/$device
  mount --bind /dev/$device dev/$device
done
mount -t proc proc proc
mount -t tmpfs tmpfs var
mount -o remount,ro "$root"
ip link set lo up

bare() { /usr/bin/env -i /usr/sbin/chroot "$root" /mco-deploy "$@"; }
bare --version
/usr/bin/env -i /usr/sbin/chroot "$root" /mco-deploy daemon --config /node/node.yaml >"$files/daemon.log" 2>&1 &
daemon=$!
until grep -qs '"listening"' "$files/daemon.log"; do
  kill -0 $daemon || { cat "$files/daemon.log" >&2; exit 1; }
  sleep 0.1
done
bare ping --config /client/client.yaml --nodes /nodes.yaml
# What a call leaves behind must lie somewhere.
/usr/bin/env -i XDG_STATE_HOME=/var XDG_CACHE_HOME=/var /usr/sbin/chroot "$root" /mco-deploy rpc rpcutil ping --config /client/client.yaml --nodes /nodes.yaml --json
kill $daemon
wait $daemon
