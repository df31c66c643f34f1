#!/usr/bin/env bash
# Brings what this repository needs to this machine; quiet and quick when all is there.
#
#   deploy/local/install.sh         what `make run` needs: .venv, PostgreSQL and RabbitMQ programs
#   deploy/local/install.sh test    and what the checks and tests need: tools, Chromium, kubectl
#
# Only server *programs* come from Debian's packages. No database cluster is made, no system service
# is started or left enabled by this script, and one that is already there is not touched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
what=${1:-run}
log=.run/install.log
packages=(libs/common services/intake services/casework services/notifier services/reporting gateway deploy/local)

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
[[ $what == run || $what == test ]] || fail "Use: deploy/local/install.sh [run|test]"

mkdir -p .run
exec 9>.run/install.lock
flock 9 # two `make` commands at once install one after the other

# Runs a command with its output in the log; shows the end of it when the command fails.
logged() {
  "$@" >>"$log" 2>&1 </dev/null && return
  say "This failed: $*" && tail -n 15 "$log" >&2
  return 1
}

# --- programs from Debian's packages -----------------------------------------------------------

have_postgres() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
have_rabbit() { compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server' >/dev/null || [[ $(readlink -f "$(command -v rabbitmq-server)") == */rabbitmq_server-*/* ]]; }
have_chromium() { have chromium || have chromium-browser || have google-chrome; }
have_fonts() { compgen -G '/usr/share/fonts/truetype/*/*.ttf' >/dev/null || compgen -G "$HOME/.local/share/fonts/*" >/dev/null; }

wanted=() missing=()
want() { # PROGRAM PACKAGE...
  missing+=("$1") && wanted+=("${@:2}")
}
have setpriv || want setpriv util-linux
have_postgres || want PostgreSQL postgresql
have_rabbit || want RabbitMQ rabbitmq-server
if [[ $what == test ]]; then
  have_chromium || want Chromium chromium
  have_fonts || want fonts fonts-dejavu-core
  have kubectl || want kubectl kubernetes-client
fi

as_root=()
cleanup=()
tidy() { for path in "${cleanup[@]}"; do "${as_root[@]}" rm -f "$path"; done; }
trap tidy EXIT

may_install() {
  have apt-get || fail "Not on this machine: ${missing[*]}. Please install: ${wanted[*]} (Debian's names)."
  (($(id -u) == 0)) && return
  if have sudo && { sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }; }; then
    as_root=(sudo -n)
    return
  fi
  fail "Not on this machine: ${missing[*]}. Please run as root: apt-get install ${wanted[*]}"
}

# Writes a file for the time of the installation, unless one is there.
for_now() { # PATH MODE TEXT
  [[ -e $1 ]] && return
  "${as_root[@]}" mkdir -p "$(dirname "$1")"
  cleanup+=("$1")
  printf '%s\n' "$3" | "${as_root[@]}" tee "$1" >/dev/null
  "${as_root[@]}" chmod "$2" "$1"
}

apt_install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y \
    -o Dpkg::Options::=--force-confold install --no-install-recommends "$@" >>"$log" 2>&1 </dev/null
}

install_programs() {
  may_install
  say "Installing ${missing[*]} from Debian's packages (${wanted[*]}); this can take a few minutes."
  for_now /usr/sbin/policy-rc.d 755 $'#!/bin/sh\nexit 101' # no service is started by a package
  for_now /etc/postgresql-common/createcluster.d/vermoeden.conf 644 'create_main_cluster = false'
  if ! apt_install "${wanted[@]}"; then
    say "Updating the list of packages."
    logged "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq update ||
      fail "The list of packages could not be updated; is there a network?"
    logged apt_install "${wanted[@]}" || fail "Not installed: ${missing[*]}. More in $log."
  fi
  if [[ " ${wanted[*]} " == *" rabbitmq-server "* && -d /run/systemd/system ]]; then
    logged "${as_root[@]}" systemctl disable rabbitmq-server.service epmd.service epmd.socket || true
  fi
}

((${#wanted[@]})) && install_programs

# --- the virtual environment -------------------------------------------------------------------

find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if have "$name" && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "Python 3.11 or newer is not on this machine; name one with: PYTHON=/path/to/python3 make …"
}

make_environment() {
  local python
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing=("Python's venv module") wanted=(python3-venv)
    install_programs
  fi
  say "Making the virtual environment .venv with $("$python" --version)."
  logged "$python" -m venv --clear .venv || fail "The virtual environment could not be made."
}

# What the environment must hold: changes when a package, a pin or the place of this folder changes.
fingerprint() {
  { pwd; cat requirements.lock requirements-test.txt deploy/third_party.py "${packages[@]/%//pyproject.toml}" "${BASH_SOURCE[0]}"; } | sha256sum
}

is_current() { # KIND; the kind `test` holds all of `run`
  local mark=.venv/installed-$1
  [[ -f $mark && $(<"$mark") == "$(fingerprint)" ]]
}

# Everything of others comes as a wheel by the hashes of requirements.lock, pip and the build tools too. Our own
# packages are installed from this folder, in which they are built with those tools and without a network.
install_packages() {
  local pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
  local locked=("${pip[@]}" --only-binary :all: --require-hashes)
  local wanted=(hatchling editables --requirement .venv/third-party.txt) own=()
  for package in "${packages[@]}"; do own+=(--editable "$package"); done
  [[ $what == test ]] && wanted+=(--requirement requirements-test.txt)
  say "Installing the Python packages into .venv; the first time this takes a minute or two."
  deploy/locked.sh pip >.venv/pip.txt
  .venv/bin/python deploy/third_party.py "${packages[@]}" >.venv/third-party.txt
  logged "${locked[@]}" --requirement .venv/pip.txt || fail "pip could not be installed. More in $log."
  logged "${locked[@]}" --constraint requirements.lock "${wanted[@]}" ||
    fail "The packages could not be installed. More in $log."
  logged "${pip[@]}" --no-index --no-deps --no-build-isolation "${own[@]}" ||
    fail "Our own packages could not be installed. More in $log."
  logged .venv/bin/python -m pip --disable-pip-version-check check || fail "The packages do not fit. More in $log."
  rm -f .venv/installed-*
  fingerprint >".venv/installed-$what"
}

# What was installed without hashes is not trusted afterwards: such an environment is made anew.
if [[ ! -f .venv/by-hash ]] ||
  ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  make_environment
  touch .venv/by-hash
fi
if ! is_current test && ! { [[ $what == run ]] && is_current run; }; then
  install_packages
fi
