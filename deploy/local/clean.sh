#!/usr/bin/env bash
# Removes what was made in this folder: .venv, .run with all data, caches. Refuses while it runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ -d .run ]]; then
  while read -r lock; do
    flock --nonblock "$lock" true || { echo "Still running: ${lock%/lock}. Stop it first." >&2; exit 1; }
  done < <(find .run -type f -name lock)
  # Data that another account must reach can lie outside; a link leads to it (local.servers.placement).
  find .run -type l -name data -lname '/var/lib/vermoeden-run/*' -printf '%l\n' |
    while read -r data; do rm -rf "${data%/data}"; done
fi
rm -rf .run .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
find . -name __pycache__ -type d -prune -exec rm -rf {} +
