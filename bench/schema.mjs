// The schemas and documents of the schema scenario, and what ajv makes of them. The packages stand in the folder
// FOLDER/node_modules, with versions that parts_schema.py pins.
//
//   node schema.mjs prepare FOLDER SPEC   writes FOLDER/CASE.json for each case; SPEC: the folder of the Open Workflow
//                                         specification, whose case is left out where there is none
//   node schema.mjs run FOLDER/CASE.json SECONDS
//                                         validations a second, of values and of text, as one line of JSON
//
// A case: {"schema", "resources": {URI: document}, "documents": [valid ones], "variants": [{"document", "valid"}]}.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const [mode, first, second] = process.argv.slice(2);
const folder = mode === "prepare" ? first : path.dirname(first);
const require = createRequire(path.join(path.resolve(folder), "package.json"));
const Ajv = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;

// The first error ends a validation, formats are asserted: what the engine under test does too.
function compile({ schema, resources }) {
  const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true, logger: false });
  addFormats(ajv);
  for (const [uri, document] of Object.entries(resources)) ajv.addSchema(document, uri);
  return ajv.compile(schema);
}

// --- cases ---------------------------------------------------------------------------------------------------------------

// The definitions that one event needs, out of the schema of all.
function definitionsOf(all, name) {
  const definitions = {}, todo = [name];
  for (let next = todo.pop(); next; next = todo.pop()) {
    if (definitions[next]) continue;
    definitions[next] = all[next];
    JSON.stringify(all[next], (key, value) => {
      if (key === "$ref") todo.push(value.replace("#/definitions/", ""));
      return value;
    });
  }
  return definitions;
}

// Older drafts that mean the same in 2020-12: only the dialect's name is taken out.
function withoutDialect({ $schema, ...schema }) {
  return schema;
}

function cases(spec) {
  const hooks = require("@octokit/webhooks-schemas"), events = require("@octokit/webhooks-examples");
  const { openrpcDocument } = require("@open-rpc/meta-schema");
  const modules = path.join(folder, "node_modules"), read = (...at) => JSON.parse(fs.readFileSync(path.join(...at)));
  const readAll = (at, end) => fs.readdirSync(at).sort().filter((name) => name.endsWith(end)).map((name) => path.join(at, name));
  const openapi = read(modules, "@seriousme/openapi-schema-validator/schemas/v3.1/schema.json");
  const metaschema = "https://json-schema.org/draft/2020-12/schema";
  const found = {
    push: {
      schema: { $ref: "#/definitions/push$event", definitions: definitionsOf(hooks.definitions, "push$event") },
      documents: events.find((event) => event.name === "push").examples,
    },
    openapi: {
      schema: openapi,
      documents: ["petstore", "train-travel", "security"].map((name) => read(modules, `@readme/oas-examples/3.1/json/${name}.json`)),
    },
    openrpc: {
      schema: withoutDialect(openrpcDocument),
      resources: { "https://meta.json-schema.tools": withoutDialect(read(modules, "@json-schema-tools/meta-schema/schema.json")) },
      documents: readAll(path.join(modules, "@open-rpc/examples/build/service-descriptions"), ".json").map((at) => read(at)),
    },
    metaschema: { schema: { $ref: metaschema }, documents: [openapi, hooks.definitions["push$event"]] },
  };
  if (fs.existsSync(path.join(spec, "schema/workflow.yaml"))) {
    const { parse } = require("yaml"), yaml = (at) => parse(fs.readFileSync(at, "utf8"));
    found.workflow = { schema: yaml(path.join(spec, "schema/workflow.yaml")),
                       documents: readAll(path.join(spec, "examples"), ".yaml").map(yaml) };
  }
  return found;
}

// Copies with one member taken out, or with a value of another kind, at places spread over the document.
function variantsOf(document, n) {
  const places = [];
  const walk = (value, at) => {
    if (value === null || typeof value !== "object") return;
    for (const key of Object.keys(value)) {
      places.push([...at, key]);
      walk(value[key], [...at, key]);
    }
  };
  walk(document, []);
  return Array.from({ length: Math.min(n, places.length) }, (_, i) => {
    const copy = structuredClone(document), at = places[Math.floor((i * places.length) / n)] ?? places[i], last = at.pop();
    const parent = at.reduce((value, key) => value[key], copy);
    if (i % 2 || Array.isArray(parent)) parent[last] = typeof parent[last] === "number" ? [parent[last]] : -7.5;
    else delete parent[last];
    return copy;
  });
}

function prepare() {
  for (const [name, { schema, resources = {}, documents }] of Object.entries(cases(second))) {
    const validate = compile({ schema, resources });
    const all = documents.concat(documents.flatMap((document) => variantsOf(document, 24)));
    const texts = JSON.stringify({ schema, resources, documents: documents.filter((document) => validate(document)),
                                   variants: all.map((document) => ({ document, valid: validate(document) })) });
    fs.writeFileSync(path.join(folder, `${name}.json`), texts);
  }
}

// --- measuring -----------------------------------------------------------------------------------------------------------

function perSecond(items, seconds, work) {
  const begin = process.hrtime.bigint(), end = begin + BigInt(Math.round(seconds * 1e9));
  let n = 0, now = begin;
  for (; now < end; now = process.hrtime.bigint(), n += items.length)
    for (const item of items) if (!work(item)) throw new Error("a valid document was refused");
  return (n * 1e9) / Number(now - begin);
}

function run() {
  const { documents, ...one } = JSON.parse(fs.readFileSync(first)), seconds = Number(second), validate = compile(one);
  const texts = documents.map((document) => JSON.stringify(document));
  const both = (text) => validate(JSON.parse(text));
  perSecond(documents, seconds, validate); // until the compiler of the engine has done its work
  const values = perSecond(documents, seconds, validate);
  perSecond(texts, seconds / 2, both);
  console.log(JSON.stringify({ per_s: values, parsed_per_s: perSecond(texts, seconds, both) }));
}

if (mode === "prepare") prepare();
else run();
