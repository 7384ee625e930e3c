#!/usr/bin/env bash
# The topology on Kind with the real KEDA, Prometheus, Collector and Grafana. Needs docker, kind, kubectl and helm.
set -euo pipefail
cd "$(dirname "$0")"

KEDA_VERSION="${KEDA_VERSION:-2.20.2}"
VERSION="$(sed -n 's/^  "version": "\(.*\)",$/\1/p' ../../package.json)"

for tool in docker kind kubectl helm; do
  command -v "$tool" >/dev/null || { echo "setup.sh: $tool is missing" >&2; exit 1; }
done

kind get clusters | grep -qx percolate-test || kind create cluster --config kind-config.yaml --wait 120s
for part in test-db router; do
  docker build -f Dockerfile --target "$part" -t "percolate/$part:$VERSION" ../..
  kind load docker-image --name percolate-test "percolate/$part:$VERSION"
done

helm repo add kedacore https://kedacore.github.io/charts >/dev/null
helm upgrade --install keda kedacore/keda --version "$KEDA_VERSION" --namespace keda --create-namespace --wait

kubectl apply -k .
kubectl -n percolate-test rollout status statefulset/test-db-small --timeout 180s
