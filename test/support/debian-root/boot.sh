#!/bin/sh
# Boots the machine's own systemd in a copy of the machine's own root, which is in memory and gone with it.
# Run in its own namespaces (see root.ts). Values: a directory to mount on, a directory to share.
set -eu
place=$1 shared=$2
mount --make-rprivate /
mount -t tmpfs -o size=1200m tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/root"
cd "$place/root"
mkdir -p mnt
mount --bind "$shared" mnt
mount -t proc proc proc
# What belongs to the whole machine is not for this systemd to change.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
  : >dev/$device
  mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for directory in run tmp dev/shm; do mount -t tmpfs tmpfs $directory; done
mkdir -p run/old
# Only what a test starts runs.
rm -rf etc/systemd/system/*.wants usr/sbin/policy-rc.d etc/mco-deploy var/lib/mco-deploy var/log/mco-deploy var/lib/man-db/auto-update
for unit in systemd-sysctl systemd-modules-load systemd-remount-fs systemd-udevd systemd-update-utmp systemd-random-seed; do
  ln -sf /dev/null etc/systemd/system/$unit.service
done
: >etc/machine-id
ip link set lo up
pivot_root . run/old
cd /
exec env -i container=mco-test PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  sh -c 'umount -l /run/old; exec /lib/systemd/systemd --system --unit=basic.target --show-status=0 --log-target=null'
