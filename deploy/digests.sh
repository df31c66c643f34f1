#!/usr/bin/env bash
# Asks registries for the digests of images, through docker, and prints them for compose or Kubernetes.
#
#   deploy/digests.sh --env >>.env                                  what compose runs and builds on
#   deploy/digests.sh --kustomize registry.example.org/vermoeden 0.1.0   `images:` for a production overlay
#
# A tag can be moved to another image, a digest cannot.
set -euo pipefail

services=(intake casework notifier reporting gateway)

digest() { # IMAGE
  local found
  found=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1")
  [[ $found =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "The registry gave no digest for $1." >&2; exit 1; }
  printf '%s' "$found"
}

case "${1:-}" in
  --env)
    for pair in BASE=python:3.13-slim POSTGRES=postgres:17 RABBITMQ=rabbitmq:4-management; do
      image=${pair#*=} found=$(digest "${pair#*=}")
      printf 'VERMOEDEN_%s_IMAGE=%s@%s\n' "${pair%%=*}" "$image" "$found"
    done
    ;;
  --kustomize)
    echo images:
    for service in "${services[@]}"; do
      name="${2:?a registry}/vermoeden-$service" found=$(digest "${2}/vermoeden-$service:${3:?a version}")
      printf '  - name: vermoeden-%s\n    newName: %s\n    digest: %s\n' "$service" "$name" "$found"
    done
    ;;
  *)
    echo "Use: deploy/digests.sh --env | --kustomize REGISTRY VERSION" >&2
    exit 2
    ;;
esac
