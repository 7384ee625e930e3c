/** Nodes that have the pod's images already, large ones above all (kube-scheduler 1.35 `plugins/imagelocality`). */
import type { NodeInfo } from "./node-info.ts";
import { MAX_NODE_SCORE, type Scorer } from "./scorer.ts";

/** Images of so many bytes in all are not worth a thought. */
const MIN_BYTES = 23 * 1024 * 1024;
/** More than this a container is no better. */
const MAX_CONTAINER_BYTES = 1000 * 1024 * 1024;

export const imageLocality: Scorer = ({ pod, nodes: all }, nodes) => {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const places = new Map<string, number>();
  for (const info of all) {
    for (const name of imagesOf(info).keys()) places.set(name, (places.get(name) ?? 0) + 1);
  }
  const most = MAX_CONTAINER_BYTES * containers.length;
  return nodes.map((info) => {
    const images = imagesOf(info);
    const bytes = containers.reduce((sum, { image = "" }) => {
      const name = withTag(image);
      const size = images.get(name);
      // An image that is nearly nowhere must not draw all its pods to one node.
      return size === undefined ? sum : sum + Math.trunc(size * ((places.get(name) ?? 0) / all.length));
    }, 0);
    const counted = Math.min(Math.max(bytes, MIN_BYTES), most);
    return Math.trunc((MAX_NODE_SCORE * (counted - MIN_BYTES)) / (most - MIN_BYTES));
  });
};

function imagesOf({ node }: NodeInfo): Map<string, number> {
  return new Map(
    (node.status?.images ?? []).flatMap(({ names = [], sizeBytes = 0 }) =>
      names.map((name) => [name, sizeBytes] as const),
    ),
  );
}

function withTag(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
