#!/usr/bin/env bash
# Prints what requirements.lock holds of one package, its pin and its hashes:  deploy/locked.sh pip
set -euo pipefail
awk -v name="$1==" '/^[^ ]/ { found = index($0, name) == 1 } found { print; any = 1 } END { exit !any }' \
  "$(dirname "${BASH_SOURCE[0]}")/../requirements.lock"
