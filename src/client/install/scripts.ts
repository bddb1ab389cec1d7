/**
 * The scripts that run on a host, in POSIX shell. Values are never inserted into these texts: they arrive as $1, $2, ….
 * Each prints lines `name=value`; errors go to standard error and end it with a specific code.
 */

const helpers = String.raw`
say() { printf '%s=%s\n' "$1" "$2"; }
# The nearest directory that is there already.
near() { d=$1; while [ ! -d "$d" ]; do d=$(dirname "$d"); done; printf %s "$d"; }
`;

/**
 * The user of the login, their rights, and the kind of host. Values: directories that are written to. Changes nothing.
 */
export const inspectScript = `${helpers}
say system "$(uname -s)"
say machine "$(uname -m)"
say clock "$(date +%s)"
say uid "$(id -u)"
[ ! -d /run/systemd/system ] || say systemd yes
# With -k, a password that was given a moment ago does not count: the next script may come too late for it.
if command -v sudo >/dev/null && sudo -n -k true </dev/null 2>/dev/null; then say sudo yes; fi
for directory; do
  # Root may write anywhere, save where the file system is read-only.
  if [ -w "$(near "$directory")" ]; then say writable "$directory"; fi
  say free "$(df -Pk "$(near "$directory")" | awk 'NR == 2 { print $4 }')"
done
`;

/**
 * The installed files. Values: the program, node.crt, ca.crt, node.key, the port, the manifest, directories, “--”,
 * sockets, “--”, then the desired files. Changes nothing.
 */
export const probeScript = `${helpers}
program=$1 certificate=$2 ca=$3 key=$4 port=$5 manifest=$6
shift 6
sum() { if [ -f "$1" ]; then sha256sum <"$1" | cut -d' ' -f1; fi; }
text() { if [ -f "$1" ]; then base64 -w0 <"$1"; fi; }
say program "$(sum "$program")"
say package "$(dpkg-query -W -f '${'$'}{Version}' mco-deploy 2>/dev/null)"
say certificate "$(text "$certificate")"
say ca "$(text "$ca")"
[ ! -f "$key" ] || say key yes
# Sockets that listen (state 0A) on the port, by proc_net_tcp.
listening=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$(printf %04X "$port")" '
  $4 == "0A" && substr($2, length($2) - 3) == port { print "yes"; exit }')
say listening "$listening"
say manifest "$(text "$manifest")"
while [ "$1" != -- ]; do
  [ -d "$1" ] || say missing "$1"
  shift
done
shift
while [ "$1" != -- ]; do
  say group "$(stat -c %G "$1" 2>/dev/null)"
  shift
done
shift
for file; do
  say sum "$(sum "$file")"
  say content "$(text "$file")"
done
`;

/** Copies the program next to its final path. Values: that directory, the form. The program is the input. */
export const uploadScript = `${helpers}
set -eu
directory=$1 form=$2
umask 022
mkdir -p "$directory"
# What an installation left that was broken off.
find "$directory" -maxdepth 1 -name '.mco-deploy-install.*' -mmin +60 -exec rm -rf {} +
staging=$(mktemp -d "$directory/.mco-deploy-install.XXXXXX")
trap 'code=$?; [ $code = 0 ] || rm -rf "$staging"; exit $code' EXIT
cat >"$staging/$form"
say sum "$(sha256sum <"$staging/$form" | cut -d' ' -f1)"
say staging "$staging"
`;

/**
 * Makes the key and its request on the host, in the staging directory; an existing key is kept. Values: the staging
 * directory or nothing, the form, the installed program, the node, the path of its key.
 */
export const enrollScript = `${helpers}
set -eu
staging=$1 form=$2 program=$3 node=$4 key=$5
trap 'code=$?; [ $code = 0 ] || rm -rf "$staging"; exit $code' EXIT
case $form in
  binary) program=$staging/binary; chmod 755 "$program" ;;
  package) dpkg-deb -x "$staging/package" "$staging/unpacked"; program=$staging/unpacked/usr/bin/mco-deploy ;;
esac
say version "$("$program" --version </dev/null)"
umask 077
mkdir -p "$staging/keys"
[ ! -f "$key" ] || cp -p "$key" "$staging/keys/node.key"
"$program" enroll "$node" --out "$staging/keys" --json </dev/null >/dev/null
say request "$(base64 -w0 <"$staging/keys/node.csr")"
`;

/**
 * Moves everything into place, or nothing. Values: the staging directory, the form, the program, the key and the
 * request, the directories to create, “--”, those that belong to the daemon, “--”, the files to be removed, “--”, then
 * the path of each file of the archive on the input, which are named 0, 1, ….
 */
export const placeScript = `${helpers}
set -eu
staging=$1 form=$2 program=$3 key=$4
shift 4
if dpkg-query -W mco-deploy >/dev/null 2>&1; then before=package; else before=nothing; fi
undo() {
  if [ "$form $before" = 'package nothing' ]; then dpkg --purge mco-deploy </dev/null >/dev/null 2>&1 || :; fi
  [ ! -f "$staging/placed" ] || while read -r number target; do
    if [ -e "$staging/before.$number" ]; then mv -f "$staging/before.$number" "$target"; else rm -f "$target"; fi
  done <"$staging/placed"
}
trap 'code=$?; [ $code = 0 ] || { undo; say undone yes; }; rm -rf "$staging"; exit $code' EXIT
number=0
place() {
  number=$((number + 1))
  cp -p "$1" "$2.new" || { code=$?; rm -f "$2.new"; exit $code; }
  [ ! -e "$2" ] || cp -p "$2" "$staging/before.$number"
  printf '%s %s\n' "$number" "$2" >>"$staging/placed"
  mv -f "$2.new" "$2"
}
umask 022
while [ "$1" != -- ]; do mkdir -p "$1"; shift; done
shift
mkdir "$staging/files"
tar -xzpf - -C "$staging/files"
case $form in
  binary) place "$staging/binary" "$program" ;;
  package)
    export DEBIAN_FRONTEND=noninteractive
    # What it depends on is fetched only where it is missing.
    dpkg --install --force-confold "$staging/package" </dev/null >&2 ||
      apt-get --yes --no-install-recommends --fix-broken install </dev/null >&2
    ;;
esac
[ -f "$key" ] || place "$staging/keys/node.key" "$key"
# The daemon of a package has its own user.
user=$(getent passwd mco-deploy >/dev/null && [ "$form" != binary ] && [ "$program" = /usr/bin/mco-deploy ] && echo mco-deploy || :)
while [ "$1" != -- ]; do
  if [ ! -d "$1" ]; then
    mkdir -p "$1"
    [ -z "$user" ] || chown "$user:$user" "$1"
  fi
  shift
done
shift
while [ "$1" != -- ]; do
  number=$((number + 1))
  if [ -e "$1" ]; then
    cp -p "$1" "$staging/before.$number"
    printf '%s %s\n' "$number" "$1" >>"$staging/placed"
    rm -f "$1"
  fi
  shift
done
shift
file=0
for target; do
  place "$staging/files/$file" "$target"
  file=$((file + 1))
done
`;

/** Asks the host for its own findings. Values: the program, node.yaml. */
export const doctorScript = '"$1" doctor node --config "$2" --json </dev/null || :';

/** Values: a staging directory. */
export const discardScript = `case $1 in */.mco-deploy-install.*) rm -rf "$1" ;; esac`;

/** Starts or reloads the service. Values: how (systemd, none, or the path of an init script), and the verb. */
export const serviceScript = `${helpers}
set -eu
case $1 in
  none) ;;
  systemd)
    case $2 in
      restart)
        systemctl daemon-reload
        systemctl enable --quiet mco-deploy
        systemctl restart mco-deploy
        ! systemctl cat mco-deploy-config.socket >/dev/null 2>&1 || systemctl enable --quiet --now mco-deploy-config.socket
        ;;
      reload) systemctl reload mco-deploy ;;
      stop)
        ! systemctl cat mco-deploy-config.socket >/dev/null 2>&1 || systemctl disable --quiet --now mco-deploy-config.socket
        systemctl disable --quiet --now mco-deploy
        ;;
    esac </dev/null >&2
    ;;
  *) "$1" "$2" </dev/null >&2 ;;
esac
`;

/** Lists what would be removed. Values: the program, node.yaml. Changes nothing. */
export const readScript = `${helpers}
if [ -f "$1" ] || dpkg-query -W mco-deploy >/dev/null 2>&1; then say installed yes; fi
[ ! -f "$2" ] || say config "$(base64 -w0 <"$2")"
`;

/** Removes what was installed. Values: the program, the unit, “purge” or nothing, then directories. */
export const removeScript = `${helpers}
set -eu
program=$1 unit=$2 purge=$3
shift 3
if command -v dpkg-query >/dev/null && dpkg-query -W mco-deploy >/dev/null 2>&1; then
  if [ "$purge" = purge ]; then verb=--purge; else verb=--remove; fi
  DEBIAN_FRONTEND=noninteractive dpkg "$verb" mco-deploy </dev/null >&2
  say removed package
fi
for file in "$program" "$unit" "\${unit%.service}-config.socket" "\${unit%.service}-config@.service" \\
  "$unit.d/node.conf" /etc/polkit-1/rules.d/49-mco-deploy-node.rules; do
  [ ! -f "$file" ] || { rm -f "$file"; say removed "$file"; }
done
[ "$purge" = purge ] || exit 0
for directory; do
  [ ! -d "$directory" ] || { rm -rf "$directory"; say removed "$directory"; }
done
`;

/** The lines `name=value` that a script printed; a name may come more than once. */
export function parseLines(text: string): (name: string) => string[] {
  const lines = text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  return (name) => lines.filter(([key]) => key === name).map(([, value]) => value ?? '');
}
