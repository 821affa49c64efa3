"""The description of the API as a test wants it: its operations, and answers held against it."""
import json
import re

from jsonschema import Draft202012Validator

from sallyport import build_folder

BUILT = build_folder() / "src/engine/openapi.json"
PROBLEM = "application/problem+json"
TYPE = "urn:sallyport:error:"


class Operation:
    def __init__(self, path, method, definition):
        self.path, self.method, self.definition = path, method.upper(), definition
        self.id, self.responses = definition["operationId"], definition["responses"]
        self.role, self.body = definition["x-sallyport-role"], definition.get("requestBody")
        self.is_private = definition["security"] == [{"token": []}]
        self.pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))

    def __repr__(self):
        return self.id


class Description:
    def __init__(self, document):
        self.document = document
        self.operations = {o.id: o for o in (Operation(path, method, definition) for path, methods in document["paths"].items()
                                             for method, definition in methods.items())}
        self.components = closed(document["components"])

    def resolve(self, thing):
        while "$ref" in thing and thing["$ref"].startswith("#/components/responses/"):
            thing = self.document["components"]["responses"][thing["$ref"].rsplit("/", 1)[1]]
        return thing

    def response(self, operation, status):
        return self.resolve(operation.responses[str(status)])

    def operation(self, method, path):
        method = "GET" if method == "HEAD" else method
        return next((o for o in self.operations.values() if o.method == method and o.pattern.fullmatch(path)), None)

    def outcomes(self):
        """All that is documented: (operation, status, what), with the slug of a problem, "fault" for a run's, else None."""
        return [(o, int(status), what) for o in self.operations.values() for status in o.responses
                for what in self.kinds(self.response(o, status))]

    @staticmethod
    def kinds(response):
        content = response["content"]
        if PROBLEM not in content:
            return [None]
        schemas = content[PROBLEM]["schema"].get("anyOf", [content[PROBLEM]["schema"]])
        return [what for s in schemas for what in
                ([t.removeprefix(TYPE) for t in s["properties"]["type"]["enum"]] if "properties" in s else ["fault"])]

    def check(self, operation, answer):
        """Asserts that the answer is one that is documented; gives its outcome."""
        assert str(answer.status) in operation.responses, f"{operation}: {answer.status} is not documented: {answer}"
        response = self.response(operation, answer.status)
        kind = answer.headers["content-type"].split(";")[0]
        assert kind in response["content"], f"{operation}: {answer}"
        for name in response.get("headers", {}):
            assert name in answer.headers or name.startswith(("RateLimit", "Sallyport")), f"{operation}: no {name}: {answer}"
        if "json" not in kind:
            return operation, answer.status, None
        self.validate(response["content"][kind]["schema"], answer.json)
        return operation, answer.status, self.what(answer)

    def validate(self, schema, value):
        whole = {"components": self.components, **tightened(schema)}
        errors = sorted(Draft202012Validator(whole).iter_errors(value), key=str)
        assert not errors, f"{errors[0].message} at /{'/'.join(map(str, errors[0].absolute_path))} of {json.dumps(value)[:2000]}"

    @staticmethod
    def what(answer):
        if answer.headers["content-type"] != PROBLEM:
            return None
        kind = answer.json["type"]
        return kind.removeprefix(TYPE) if kind.startswith(TYPE) else "fault"


# A client must expect members that it does not know; a test that holds the document complete must not. So each object has a
# form without others beside the open one, which `allOf` needs.


def tightened(schema):
    if isinstance(schema, list):
        return [tightened(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: v.replace("/schemas/", "/closed/") if k == "$ref" else v if k == "allOf" else tightened(v) for k, v in schema.items()}


def closed(components):
    schemas = {name: tightened(s) for name, s in components["schemas"].items()}
    return {"schemas": schemas, "closed": {name: {"$ref": f"#/components/schemas/{name}",
                                                  **({"unevaluatedProperties": False} if "properties" in s else {})}
                                           for name, s in schemas.items()}}


def once(members):
    names = [name for name, _ in members]
    assert len(set(names)) == len(names), f"a member twice: {names}"
    return dict(members)


def built():
    return Description(json.loads(BUILT.read_text(), object_pairs_hook=once))
