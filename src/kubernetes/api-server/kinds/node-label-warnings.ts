/** Labels of nodes that have other names by now (`pkg/api/node`). */

export const DEPRECATED_NODE_LABELS: Record<string, string> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region":
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone":
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type":
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
};

interface Term {
  matchExpressions?: { key: string }[];
}

/** What is told of a term of a node selector that names such labels. */
export function termWarnings({ matchExpressions = [] }: Term, at: string): string[] {
  return matchExpressions.flatMap(({ key }, index) =>
    DEPRECATED_NODE_LABELS[key] === undefined
      ? []
      : [`${at}.matchExpressions[${index}].key: ${key} is ${DEPRECATED_NODE_LABELS[key]}`],
  );
}
