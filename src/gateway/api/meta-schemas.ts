/**
 * What each draft of JSON Schema says of schemas. The metaschemas are the standard's own, as a well-known library
 * ships them; of that library nothing else is used, as it makes code of schemas, which a Worker may not.
 */
import type { Schema, SchemaDraft } from "@cfworker/json-schema";
import draft4 from "ajv-draft-04/dist/refs/json-schema-draft-04.json" with { type: "json" };
import applicator2019 from "ajv/dist/refs/json-schema-2019-09/meta/applicator.json" with { type: "json" };
import content2019 from "ajv/dist/refs/json-schema-2019-09/meta/content.json" with { type: "json" };
import core2019 from "ajv/dist/refs/json-schema-2019-09/meta/core.json" with { type: "json" };
import format2019 from "ajv/dist/refs/json-schema-2019-09/meta/format.json" with { type: "json" };
import metaData2019 from "ajv/dist/refs/json-schema-2019-09/meta/meta-data.json" with { type: "json" };
import validation2019 from "ajv/dist/refs/json-schema-2019-09/meta/validation.json" with { type: "json" };
import root2019 from "ajv/dist/refs/json-schema-2019-09/schema.json" with { type: "json" };
import applicator2020 from "ajv/dist/refs/json-schema-2020-12/meta/applicator.json" with { type: "json" };
import content2020 from "ajv/dist/refs/json-schema-2020-12/meta/content.json" with { type: "json" };
import core2020 from "ajv/dist/refs/json-schema-2020-12/meta/core.json" with { type: "json" };
import format2020 from "ajv/dist/refs/json-schema-2020-12/meta/format-annotation.json" with { type: "json" };
import metaData2020 from "ajv/dist/refs/json-schema-2020-12/meta/meta-data.json" with { type: "json" };
import unevaluated2020 from "ajv/dist/refs/json-schema-2020-12/meta/unevaluated.json" with { type: "json" };
import validation2020 from "ajv/dist/refs/json-schema-2020-12/meta/validation.json" with { type: "json" };
import root2020 from "ajv/dist/refs/json-schema-2020-12/schema.json" with { type: "json" };
import draft7 from "ajv/dist/refs/json-schema-draft-07.json" with { type: "json" };

/** The metaschema, and those that it refers to. */
type MetaSchemas = readonly [root: Schema, ...vocabularies: readonly Schema[]];

const VOCABULARIES_2019: readonly object[] = [
  applicator2019,
  content2019,
  core2019,
  format2019,
  metaData2019,
  validation2019,
];
const VOCABULARIES_2020: readonly object[] = [
  applicator2020,
  content2020,
  core2020,
  format2020,
  metaData2020,
  unevaluated2020,
  validation2020,
];

const OF_DRAFTS: Readonly<Record<SchemaDraft, readonly [root: object, ...vocabularies: readonly object[]]>> =
  {
    "4": [draft4],
    "7": [draft7],
    "2019-09": [root2019, ...VOCABULARIES_2019],
    "2020-12": [root2020, ...VOCABULARIES_2020],
  };

/** The metaschemas of a draft. */
export function metaSchemasOf(draft: SchemaDraft): MetaSchemas {
  const [root, ...vocabularies] = OF_DRAFTS[draft];
  return [ofRoot(root), ...vocabularies.map(ofRoot)];
}

/**
 * A vocabulary refers to whatever metaschema it is used by. The library that interprets them does not follow such
 * references as far as that takes; of these the metaschema is known.
 */
function ofRoot(schema: object): Schema {
  const text = JSON.stringify(schema)
    .replaceAll('"$recursiveRef":"#"', `"$ref":"${root2019.$id}"`)
    .replaceAll('"$dynamicRef":"#meta"', `"$ref":"${root2020.$id}"`);
  return JSON.parse(text) as Schema;
}
