/**
 * The OpenAPI v2 document in protobuf (gnostic `openapiv2.Document`), with as much in it as kubectl up to 1.26 looks
 * for: of each kind one PATCH operation with the `dryRun` parameter, which tells it that dry runs are possible.
 */
import { ProtobufWriter } from "../../../wire/protobuf/writer.ts";
import type { ResourceInfo } from "../resource-info.ts";

const bytesTag = (field: number) => (field << 3) | 2;

/** Field numbers of the messages of gnostic's OpenAPIv2.proto. */
const DOCUMENT = { swagger: 1, info: 2, paths: 8 };
const INFO = { title: 1, version: 2 };
const PATHS = { path: 2 };
const NAMED = { name: 1, value: 2 };
const PATH_ITEM = { patch: 8 };
const OPERATION = { parameters: 8, responses: 9, vendorExtension: 13 };
const PARAMETERS_ITEM = { parameter: 1 };
const PARAMETER = { nonBodyParameter: 2 };
const NON_BODY = { queryParameterSubSchema: 3 };
const QUERY = { in: 2, name: 4, type: 6 };
const ANY = { yaml: 2 };

export function openApiV2Protobuf(resources: ResourceInfo[]): Uint8Array {
  const writer = new ProtobufWriter();
  const within = (field: number, write: () => void) => {
    const start = writer.begin(bytesTag(field));
    write();
    writer.end(start);
  };
  const string = (field: number, value: string) => writer.string(bytesTag(field), value);
  string(DOCUMENT.swagger, "2.0");
  within(DOCUMENT.info, () => {
    string(INFO.title, "Kubernetes");
    string(INFO.version, "v1.35.0");
  });
  const writeOperation = ({ group, version, kind }: ResourceInfo) => {
    within(OPERATION.parameters, () =>
      within(PARAMETERS_ITEM.parameter, () =>
        within(PARAMETER.nonBodyParameter, () =>
          within(NON_BODY.queryParameterSubSchema, () => {
            string(QUERY.in, "query");
            string(QUERY.name, "dryRun");
            string(QUERY.type, "string");
          }),
        ),
      ),
    );
    within(OPERATION.responses, () => {});
    within(OPERATION.vendorExtension, () => {
      string(NAMED.name, "x-kubernetes-group-version-kind");
      within(NAMED.value, () => string(ANY.yaml, `group: "${group}"\nkind: ${kind}\nversion: ${version}\n`));
    });
  };
  within(DOCUMENT.paths, () => {
    for (const info of resources) {
      within(PATHS.path, () => {
        string(NAMED.name, `/apis/${info.group}/${info.version}/${info.resource}/{name}`);
        within(NAMED.value, () => within(PATH_ITEM.patch, () => writeOperation(info)));
      });
    }
  });
  return writer.finish();
}
