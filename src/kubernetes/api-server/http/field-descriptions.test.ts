import assert from "node:assert/strict";
import test from "node:test";
import { systemDisk } from "../../../base/disk.ts";
import { PACKAGE_ROOT } from "../../../base/program-files.ts";
import { ResourceRegistry } from "../resource-registry.ts";
import { descriptionsIn, readFieldDescriptions } from "./field-descriptions.ts";
import { openApiResponse } from "./openapi.ts";

const DECLARATION = `/**
 * Generated.
 */
/**
* A lamp.
*/
export declare class V1Lamp {
    /**
    * Its colour\\'s name, \\"red\\" or:   - green
    */
    'colour'?: string;
    'bulb'?: V1Bulb;
    /**
    * IntOrString is a type that can hold an int32 or a string.
    */
    'power'?: IntOrString;
}
`;

test("texts are read from a model's comments", () => {
  assert.deepEqual(descriptionsIn(DECLARATION), {
    "": "A lamp.",
    colour: 'Its colour\'s name, "red" or:\n  - green',
  });
});

function documentOf(path: string, query = "") {
  const source = { resources: new ResourceRegistry().all(), nowMs: 0, kept: new Map<string, string>() };
  return async (root: string) =>
    openApiResponse(
      { path, query: new URLSearchParams(query) },
      { headers: {} },
      { ...source, descriptions: await readFieldDescriptions(systemDisk, root) },
    );
}

test("explain has a text for every field of a container, and types that clients know by name", async () => {
  const response = await documentOf("/openapi/v3/api/v1")(PACKAGE_ROOT);
  const { schemas } = JSON.parse(response!.body as string).components;
  const container = schemas["io.k8s.api.core.v1.Container"];
  for (const [name, field] of Object.entries<{ description?: string }>(container.properties))
    assert.ok(field.description, name);
  const { additionalProperties } = schemas["io.k8s.api.core.v1.ResourceRequirements"].properties.limits;
  assert.match(JSON.stringify(additionalProperties), /resource\.Quantity"/);
  assert.match(container.description, /single application container/);
});

test("without the models there are fields and types, and a document of a known hash may be kept", async () => {
  const index = await documentOf("/openapi/v3")("/nowhere");
  const url: string = JSON.parse(index!.body as string).paths["apis/batch/v1"].serverRelativeURL;
  const [path, query] = url.split("?");
  const response = await documentOf(path, query)("/nowhere");
  assert.equal(response!.headers?.["cache-control"], "public, immutable");
  const { schemas } = JSON.parse(response!.body as string).components;
  assert.equal(schemas["io.k8s.api.batch.v1.JobSpec"].properties.completions.type, "integer");
  assert.equal((await documentOf(path, "hash=other")("/nowhere"))!.headers?.["cache-control"], undefined);
});
