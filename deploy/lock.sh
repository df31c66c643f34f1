#!/usr/bin/env bash
# Writes requirements.lock anew: the pins of constraints.txt with the SHA-256 hashes of every file of each release.
#
# Where releases come from is pip's own configuration; no address is written down. A pin that has no wheel for
# a Python or a processor that we promise is refused, for only wheels are ever installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pythons=(3.11 3.12 3.13 3.14)
platforms=(x86_64-manylinux_2_36 aarch64-manylinux_2_36) # Debian 12 and newer

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=$work/tools/bin/python

"${PYTHON:-.venv/bin/python}" -m venv "$work/tools"
for name in pip uv; do # by its own file, as an older pip (24.3) takes no hashes from constraints
  deploy/locked.sh "$name" >"$work/$name.txt"
  "$tools" -m pip --disable-pip-version-check install --quiet --no-deps --only-binary :all: --require-hashes \
    --requirement "$work/$name.txt"
done

compile=("$work/tools/bin/uv" pip compile --quiet --no-deps --no-header --no-annotate --no-emit-index-url)
index=${PIP_INDEX_URL:-$("$tools" -m pip config get global.index-url 2>/dev/null || true)}
[[ -z $index ]] || compile+=(--default-index "$index")
certificates=${PIP_CERT:-$("$tools" -m pip config get global.cert 2>/dev/null || true)}
[[ -z $certificates ]] || export SSL_CERT_FILE=$certificates

for python in "${pythons[@]}"; do
  for platform in "${platforms[@]}"; do
    "${compile[@]}" --only-binary :all: --python-version "$python" --python-platform "$platform" \
      constraints.txt --output-file "$work/checked.txt"
  done
done
"${compile[@]}" --universal --python-version "${pythons[0]}" --generate-hashes constraints.txt \
  --output-file "$work/requirements.lock"
if grep -q '://' "$work/requirements.lock"; then
  echo "The lock file would name an address; it is not written." >&2
  exit 1
fi
cat "$work/requirements.lock" >requirements.lock
echo "requirements.lock has $(grep -c '==' requirements.lock) releases by hash."
