#!/bin/sh
# A small network of hosts that can be reached by ssh, in its own namespaces: run by `unshare --net --mount --pid --fork`.
#   estate.sh DIRECTORY HOST…
# The operator’s end is 10.77.0.1, hosts are 10.77.0.11, 10.77.0.12, …. Goes away when its standard input ends.
set -eu
directory=$1
shift
mount -t proc proc /proc
ip link add br0 type bridge stp_state 0 forward_delay 0
ip address add 10.77.0.1/24 dev br0
ip link set br0 up
ip link set lo up
number=10
for host; do
  number=$((number + 1))
  mkfifo "$directory/$host.up"
  unshare --net --mount --uts --pid --fork --kill-child sh "$(dirname "$0")/host.sh" "$directory" "$host" </dev/null &
  pid=$!
  # The first process of the host is the child of unshare; both are in its network.
  while [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
  ip link add "p$number" type veth peer name eth0 netns "$pid"
  ip link set "p$number" master br0 up
  echo "10.77.0.$number" >"$directory/$host.up"
done
# Each says a word when its sshd listens.
for host; do
  while [ ! -e "$directory/$host.ready" ]; do sleep 0.02; done
done
echo "ready $(cut -d' ' -f4 /proc/self/stat)"
cat >/dev/null
