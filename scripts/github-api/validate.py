"""Validates the tests' requests, and the responses of their fake GitHub, against GitHub's description of its API.

usage: validate.py DESCRIPTION.json EXCHANGES.jsonl...
"""

import json
import re
import sys
from urllib.parse import parse_qsl

from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

# the operations that the program uses; the exchanges must contain each of them
WANTED = {
    "get /user",
    "get /repos/{owner}/{repo}",
    "get /repos/{owner}/{repo}/issues",
    "post /repos/{owner}/{repo}/issues",
    "patch /repos/{owner}/{repo}/issues/{issue_number}",
    "post /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "post /repos/{owner}/{repo}/labels",
}


def without_nullable(node):
    """OpenAPI 3.0 writes `nullable` for JSON Schema's type null."""
    if isinstance(node, list):
        return [without_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: without_nullable(value) for key, value in node.items()}
    return {"anyOf": [node, {"type": "null"}]} if node.get("nullable") is True else node


class Description:
    def __init__(self, path):
        with open(path) as file:
            self.document = without_nullable(json.load(file))
        self.registry = Registry().with_resource("api:", DRAFT4.create_resource(self.document))
        templates = ((template, re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))) for template in self.document["paths"])
        self.templates = [(template, re.compile(pattern)) for template, pattern in templates]

    def operation(self, method, path):
        """Returns the template, its pointer and its description; literal names win over variables."""
        fitting = [template for template, pattern in self.templates if pattern.fullmatch(path)]
        fitting = [template for template in fitting if method in self.document["paths"][template]]
        if not fitting:
            raise ValueError("no such operation")
        template = min(fitting, key=lambda template: template.count("{"))
        pointer = f"/paths/{template.replace('/', '~1')}/{method}"
        return template, pointer, self.document["paths"][template][method]

    def follow(self, node):
        while "$ref" in node:
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def check(self, schema, value):
        """`schema` is a pointer into the document, or a part of it."""
        schema = {"$ref": f"api:#{schema}"} if isinstance(schema, str) else absolute(schema)
        errors = sorted(Draft4Validator(schema, registry=self.registry).iter_errors(value), key=lambda error: error.json_path)
        if errors:
            raise ValueError("; ".join(f"{error.json_path}: {error.message[:300]}" for error in errors[:3]))


def absolute(node):
    """Returns the same part with references that still point into the document when it stands alone."""
    if isinstance(node, list):
        return [absolute(item) for item in node]
    if not isinstance(node, dict):
        return node
    move = lambda key, value: f"api:{value}" if key == "$ref" else absolute(value)
    return {key: move(key, value) for key, value in node.items()}


def check_query(description, operation, query):
    parameters = [description.follow(parameter) for parameter in operation.get("parameters", [])]
    known = {parameter["name"]: parameter["schema"] for parameter in parameters if parameter["in"] == "query"}
    for name, value in parse_qsl(query, strict_parsing=bool(query)):
        if name not in known:
            raise ValueError(f"no parameter {name}")
        is_number = description.follow(known[name]).get("type") == "integer"
        description.check(known[name], int(value) if is_number else value)


def check_request(description, pointer, operation, body):
    if body is None:
        if description.follow(operation.get("requestBody", {})).get("required"):
            raise ValueError("no body")
        return
    content = description.follow(operation["requestBody"])["content"]["application/json"]
    unknown = set(body) - set(description.follow(content["schema"])["properties"])
    if unknown:
        raise ValueError(f"unknown fields in the request: {unknown}")
    description.check(f"{pointer}/requestBody/content/application~1json/schema", body)


def check_answer(description, operation, status, body):
    response = description.follow(operation["responses"].get(str(status), {}))
    if response:
        description.check(response["content"]["application/json"]["schema"], body)
    elif status < 400:
        raise ValueError(f"the status {status} is not described")
    else:
        # not every error is described for every operation
        description.check("/components/schemas/basic-error", body)


def main(description, *files):
    description, seen, count, problems = Description(description), set(), 0, []
    for line in (line for file in files for line in open(file)):
        exchange = json.loads(line)
        method, (path, _, query) = exchange["method"].lower(), exchange["target"].partition("?")
        try:
            template, pointer, operation = description.operation(method, path)
            check_query(description, operation, query)
            check_request(description, pointer, operation, exchange["request"])
            check_answer(description, operation, exchange["status"], exchange["response"])
            count += 1
            if exchange["status"] < 300:
                seen.add(f"{method} {template}")
        except ValueError as error:
            problems.append(f"{method} {exchange['target']} {exchange['status']}: {error}")
    problems += [f"{missing}: no successful exchange" for missing in sorted(WANTED - seen)]
    problems += [f"{odd}: not expected here" for odd in sorted(seen - WANTED)]
    print("\n".join(dict.fromkeys(problems)) or f"{count} exchanges match the description", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
