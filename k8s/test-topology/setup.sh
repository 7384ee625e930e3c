#!/usr/bin/env bash
# The topology on Kind with the real KEDA, Prometheus, Collector and Grafana. Needs docker, kind, kubectl and helm.
# It can be run again: what is there already stays or is brought up to date.
set -euo pipefail
cd "$(dirname "$0")"

KEDA_VERSION="${KEDA_VERSION:-2.20.2}"
VERSION="$(sed -n 's/^  "version": "\(.*\)",$/\1/p' ../../package.json)"
CLUSTER=percolate-test
# Never whatever cluster the user's kubectl happens to point at.
CONTEXT="kind-$CLUSTER"

for tool in docker kind kubectl helm; do
  command -v "$tool" >/dev/null || { echo "setup.sh: $tool is missing" >&2; exit 1; }
done

kind get clusters 2>/dev/null | grep -qx "$CLUSTER" || kind create cluster --config kind-config.yaml --wait 120s
for part in test-db router; do
  docker build -f Dockerfile --target "$part" -t "percolate/$part:$VERSION" ../..
  kind load docker-image --name "$CLUSTER" "percolate/$part:$VERSION"
done

# The operator's own metrics are what Prometheus' job "keda" scrapes and KEDA's dashboard shows. Its client may ask more
# than 20 times a second: each poll of an active ScaledObject is a write.
helm --kube-context "$CONTEXT" upgrade --install keda keda --repo https://kedacore.github.io/charts \
  --version "$KEDA_VERSION" --namespace keda --create-namespace \
  --set prometheus.operator.enabled=true \
  --set extraArgs.keda.kube-api-qps=100 --set extraArgs.keda.kube-api-burst=200 --wait

kubectl --context "$CONTEXT" apply -k .
kubectl --context "$CONTEXT" -n percolate-test rollout status statefulset/test-db-small --timeout 180s

cat <<TEXT

The topology runs on Kind. To see it:
  kubectl --context $CONTEXT -n percolate-test port-forward svc/grafana 3000:3000      # admin / admin
  kubectl --context $CONTEXT -n percolate-test port-forward svc/prometheus 9090:9090
  kubectl --context $CONTEXT -n percolate-test port-forward svc/router 8080:8080
It goes with: kind delete cluster --name $CLUSTER
TEXT
