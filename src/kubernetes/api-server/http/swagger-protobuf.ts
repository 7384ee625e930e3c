/** An OpenAPI v2 document in protobuf: gnostic's `openapiv2.Document`, as far as documents of the API have it. */
import { ProtobufWriter } from "../../../wire/protobuf/writer.ts";
import type { Schema, SwaggerDocument, SwaggerOperation } from "./openapi-v2.ts";

const bytesTag = (field: number) => (field << 3) | 2;
const varintTag = (field: number) => field << 3;
const doubleTag = (field: number) => (field << 3) | 1;

/** Field numbers of the messages of gnostic's OpenAPIv2.proto. */
const DOCUMENT = { swagger: 1, info: 2, paths: 8, definitions: 9 };
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
/** Of lists, maps and choices of schemas. */
const ONLY = 1;
const BOOLEAN = 2;

const STRINGS: Record<string, number> = { $ref: 1, format: 2, title: 3, description: 4, pattern: 13 };
const DOUBLES: Record<string, number> = { multipleOf: 6, maximum: 7, minimum: 9 };
const BOOLEANS: Record<string, number> = { exclusiveMaximum: 8, exclusiveMinimum: 10, uniqueItems: 16 };
const INTEGERS: Record<string, number> = {
  maxLength: 11,
  minLength: 12,
  maxItems: 14,
  minItems: 15,
  maxProperties: 17,
  minProperties: 18,
};
const SCHEMA = {
  required: 19,
  enum: 20,
  additionalProperties: 21,
  type: 22,
  items: 23,
  properties: 25,
  vendorExtension: 31,
};

export function swaggerProtobuf(document: SwaggerDocument): Uint8Array {
  const encoder = new Encoder();
  encoder.document(document);
  return encoder.writer.finish();
}

class Encoder {
  readonly writer = new ProtobufWriter(1 << 20);

  document({ swagger, info, paths, definitions }: SwaggerDocument): void {
    this.#string(DOCUMENT.swagger, swagger);
    this.#within(DOCUMENT.info, () => {
      this.#string(INFO.title, info.title);
      this.#string(INFO.version, info.version);
    });
    this.#within(DOCUMENT.paths, () => {
      for (const [path, { patch }] of Object.entries(paths))
        this.#named(PATHS.path, path, () => this.#within(PATH_ITEM.patch, () => this.#operation(patch)));
    });
    this.#within(DOCUMENT.definitions, () => this.#schemas(definitions));
  }

  #operation({ parameters, "x-kubernetes-group-version-kind": kind }: SwaggerOperation): void {
    for (const { in: place, name, type } of parameters)
      this.#within(OPERATION.parameters, () =>
        this.#within(PARAMETERS_ITEM.parameter, () =>
          this.#within(PARAMETER.nonBodyParameter, () =>
            this.#within(NON_BODY.queryParameterSubSchema, () => {
              this.#string(QUERY.in, place);
              this.#string(QUERY.name, name);
              this.#string(QUERY.type, type);
            }),
          ),
        ),
      );
    this.#within(OPERATION.responses, () => {});
    this.#extension(OPERATION.vendorExtension, "x-kubernetes-group-version-kind", kind);
  }

  #schemas(schemas: Record<string, Schema>): void {
    for (const [name, schema] of Object.entries(schemas)) this.#named(ONLY, name, () => this.#schema(schema));
  }

  #schema(schema: Schema): void {
    for (const [key, value] of Object.entries(schema)) this.#keyword(key, value);
  }

  #keyword(key: string, value: unknown): void {
    if (STRINGS[key] !== undefined) this.#string(STRINGS[key], String(value));
    else if (DOUBLES[key] !== undefined) this.writer.double(doubleTag(DOUBLES[key]), Number(value));
    else if (BOOLEANS[key] !== undefined) this.writer.bool(varintTag(BOOLEANS[key]), value === true);
    else if (INTEGERS[key] !== undefined) this.writer.int64Number(varintTag(INTEGERS[key]), Number(value));
    else if (key.startsWith("x-")) this.#extension(SCHEMA.vendorExtension, key, value);
    else if (key === "type") this.#within(SCHEMA.type, () => this.#string(ONLY, String(value)));
    else if (key === "required") for (const name of value as string[]) this.#string(SCHEMA.required, name);
    else if (key === "enum") for (const each of value as unknown[]) this.#any(SCHEMA.enum, each);
    else if (key === "items")
      this.#within(SCHEMA.items, () => this.#within(ONLY, () => this.#schema(value as Schema)));
    else if (key === "properties")
      this.#within(SCHEMA.properties, () => this.#schemas(value as Record<string, Schema>));
    else if (key === "additionalProperties")
      this.#within(SCHEMA.additionalProperties, () => {
        if (typeof value === "boolean") this.writer.bool(varintTag(BOOLEAN), value);
        else this.#within(ONLY, () => this.#schema(value as Schema));
      });
  }

  #extension(field: number, name: string, value: unknown): void {
    this.#within(field, () => {
      this.#string(NAMED.name, name);
      this.#any(NAMED.value, value);
    });
  }

  /** JSON is YAML. */
  #any(field: number, value: unknown): void {
    this.#within(field, () => this.#string(ANY.yaml, `${JSON.stringify(value)}\n`));
  }

  #named(field: number, name: string, write: () => void): void {
    this.#within(field, () => {
      this.#string(NAMED.name, name);
      this.#within(NAMED.value, write);
    });
  }

  #string(field: number, value: string): void {
    this.writer.string(bytesTag(field), value);
  }

  #within(field: number, write: () => void): void {
    const start = this.writer.begin(bytesTag(field));
    write();
    this.writer.end(start);
  }
}
