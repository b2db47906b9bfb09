#!/usr/bin/env bash
# Installs the system packages that the tests need and that are missing: `need PACKAGE CHECK...`, one line for each.
# Usage: system-packages.sh PYTHON
set -euo pipefail
python=$1
missing=()

need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Python 3.11 or later is needed; $python is not. Name another one: make PYTHON=/path/to/python3 ..." >&2
  exit 1
fi

need python3-venv "$python" -c 'import ensurepip, venv'
need openssh-server test -x /usr/sbin/sshd
need openssh-client command -v ssh
need postgresql bash -c "compgen -G '/usr/lib/postgresql/*/bin/initdb'"
need pgbouncer test -x /usr/sbin/pgbouncer
need redis-server command -v redis-server
need sudo command -v sudo
need faketime command -v faketime
need tzdata test -e /usr/share/zoneinfo/Pacific/Kiritimati
need libsystemd-shared bash -c "compgen -G '/usr/lib*/systemd/libsystemd-shared-*' || compgen -G '/usr/lib/*/systemd/libsystemd-shared-*'"

((${#missing[@]})) || exit 0
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
  echo "System packages are missing: ${missing[*]}. Install them first (Debian: apt-get install ${missing[*]})." >&2
  exit 1
fi
echo "Installing system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# The tests start their own servers: a package must not start one.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get update -qq
apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
