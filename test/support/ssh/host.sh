#!/bin/sh
# The first process of a host: gives it directories of its own, then runs its sshd.
set -eu
directory=$1 name=$2
own=$directory/$name
hostname "$name"
mount --make-rprivate /
mkdir -p "$own"
for place in etc var/lib var/log usr/local home root run srv layer; do
  mkdir -p "$own/$place"
done
cp -a /etc/. "$own/etc"
rm -rf "$own/etc/mco-deploy"
# What a package brings goes to a layer of the host's own.
mount -t tmpfs tmpfs "$own/layer"
mkdir "$own/layer/upper" "$own/layer/work"
mount -t overlay overlay -o "lowerdir=/usr,upperdir=$own/layer/upper,workdir=$own/layer/work" /usr
for place in etc var/lib var/log usr/local home root run srv; do
  mount --bind "$own/$place" "/$place"
done
mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates
touch /var/lib/dpkg/status /var/lib/dpkg/available
mount -t proc proc /proc
read -r address <"$directory/$name.up"
ip address add "$address/24" dev eth0
ip link set eth0 up
ip link set lo up

for user in deploy:4711 guest:4712; do
  echo "${user%:*}:x:${user#*:}:${user#*:}::/home/${user%:*}:/bin/sh" >>/etc/passwd
  echo "${user%:*}:x:${user#*:}:" >>/etc/group
  echo "${user%:*}:*:20000:0:99999:7:::" >>/etc/shadow
  mkdir -p "/home/${user%:*}"
  chown "${user#*:}:${user#*:}" "/home/${user%:*}"
done
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
mkdir -p /run/sshd /usr/local/bin /usr/local/sbin
install -m 755 "$(dirname "$0")/init.sh" /usr/local/sbin/mco-init
cp "$directory/operator.pub" /etc/ssh/operators
ssh-keygen -q -t ed25519 -N '' -f "$directory/$name.hostkey"
cat >"$directory/$name.sshd" <<CONFIG
ListenAddress $address
Port 22
HostKey $directory/$name.hostkey
AuthorizedKeysFile /etc/ssh/operators
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
PidFile none
CONFIG
/usr/sbin/sshd -D -e -f "$directory/$name.sshd" 2>"$directory/$name.log" &
until grep -q 'Server listening' "$directory/$name.log" 2>/dev/null; do sleep 0.02; done
: >"$directory/$name.ready"
wait
