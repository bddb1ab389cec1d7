#!/bin/sh
# The first process of a lab host, in its own namespaces (namespaces.ts): gives the host its root file system,
# waits until it is attached to the switch, starts its services and stays for as long as the host lives.
#   host.sh ROOT NAME LAB REPOSITORY LIFETIME
set -eu
root=$1 name=$2 lab=$3 repository=$4 lifetime=$5
# Still the machine's own /proc: it tells the pid by which the machine knows this process.
read -r pid _ </proc/self/stat

hostname "$name"
mount --bind "$root" "$root"
cd "$root"
mkdir -p usr proc sys dev run root tmp opt/mco-deploy/bin
for directory in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$directory" ]; then
    ln -s "$(readlink "/$directory")" "$directory"
  elif [ -d "/$directory" ]; then
    mkdir -p "$directory"
    mount --bind "/$directory" "$directory"
  fi
done
mount --rbind /usr usr
mount -o remount,bind,ro usr
mount --rbind /dev dev
# The control host has no process namespace, so that signals reach what is run on it.
if [ $$ = 1 ]; then mount -t proc proc proc; else mount --rbind /proc proc; fi
mount -t sysfs sysfs sys
mkdir -p ".$repository"
mount --bind "$repository" ".$repository"
mount -o remount,bind,ro ".$repository"
mount --bind "$lab/bin" opt/mco-deploy/bin
mount --bind /etc/alternatives etc/alternatives
[ ! -d srv/artifacts ] || mount --bind "$lab/artifacts" srv/artifacts
# Small file systems for tests that fill them: a directory and its size a line.
if [ -e small-file-systems ]; then
  mkdir -p mnt
  while read -r directory size; do
    mkdir -p ".$directory"
    mount -t tmpfs -o "mode=755,size=$size" tmpfs mnt
    cp -a ".$directory/." mnt
    mount --move mnt ".$directory"
  done <small-file-systems
  # What keeps a stepped clock (clock.sh) has a file there for each process.
  mount -t tmpfs tmpfs dev/shm
fi
# getloadavg(3), and with it check_load, reads the file that stands here.
[ $$ != 1 ] || mount --bind proc-loadavg proc/loadavg
pivot_root . .
umount --lazy .
cd /

echo "$pid"
read -r _
# Addresses are there once, so nobody needs to ask whether they are taken.
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
ip -batch /network.batch
export PATH=/opt/mco-deploy/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
if [ -s /services.sh ]; then . /services.sh; fi
echo ready
exec >/dev/null

# A temporary lab goes when the process that made it is gone, however it went: standard input ends then.
if [ "$lifetime" = standing ]; then stay='sleep infinity'; else stay=cat; fi
if [ $$ != 1 ]; then exec $stay; fi
# As the first process, the shell also has to bury those whose parents are gone.
$stay
