"""The sections of ops.md on kinds of layers, from the comments of the schema and examples/layers/<kind>.textproto."""
import re

# What a field is called in an experiment, by its type in the schema.
TYPES = {"int64": "whole number", "uint64": "whole number", "double": "number", "bool": "true or false", "string": "text"}
SCHEMAS = ["kiln", "losses", "initializers"]  # the files that hold layers and what is in them
FIELD = re.compile(r"(optional|repeated) (\w+) (\w+) = \d+(?: \[default = ([^\]]+)\])?;")


def messages(schema):
    """Message name -> (comment, lines of its body); those within messages stand beside them."""
    found, comment = {}, []
    lines = iter(schema.splitlines())
    for line in lines:
        if line.startswith("//"):
            comment.append(line[2:].strip())
        elif match := re.match(r"message (\w+) \{(.*)$", line):
            body = []
            if "}" not in match[2]:
                for inner in lines:
                    if inner == "}":
                        break
                    body.append(inner)
            found[match[1]] = (comment, body)
            comment = []
        else:
            comment = []
    return found


def enums(schema):
    """Enum name -> [(value, comment)]"""
    found = {}
    for name, body in re.findall(r"enum (\w+) \{\n(.*?)\n *\}", schema, re.S):
        values, comment = [], []
        for line in map(str.strip, body.splitlines()):
            if line.startswith("//"):
                comment.append(line[2:].strip())
            elif match := re.match(r"(\w+) = \d+;", line):
                values.append((match[1], " ".join(comment)))
                comment = []
        found[name] = values
    return found


def kinds(schema):
    """(kind, message name) of each case of Layer.kind"""
    body = re.search(r"oneof kind \{(.*?)\n  \}", schema[schema.index("message Layer {"):], re.S)[1]
    return [(kind, message) for message, kind in re.findall(r"(\w+) (\w+) = \d+;", body)]


def field_rows(body, all_enums):
    """Lines of a table, one a field; the comment of a field that has none is that of the field before."""
    rows, comment, enum_depth = [], [], False
    for line in map(str.strip, body):
        if line.startswith("enum "):
            enum_depth = True
        if enum_depth:
            enum_depth = line != "}"
            comment = []
        elif line.startswith("//"):
            comment.append(line[2:].strip())
        elif match := FIELD.match(line):
            label, kind, name, default = match.groups()
            text = " ".join(comment)
            for value, meaning in all_enums.get(kind, []):
                text += f" `{value}`" + (f": {meaning}" if meaning else ".")
            values = TYPES.get(kind) or ("word" if kind in all_enums else f"`{kind}`")
            values += ", or a list" if label == "repeated" else ""
            rows.append(f"| `{name}` | {values} | {default or ''} | {text.strip()} |")
            comment = []
    return rows


def section(kind, comment, body, example, all_enums):
    page = [f"### {kind}\n", "```", *comment, "```"]
    rows = field_rows(body, all_enums)
    if rows:
        page += ["", "| field | takes | default | |", "|---|---|---|---|", *rows]
    page += ["", f"Example, `examples/layers/{kind}.textproto`:\n", "```", example.strip(), "```\n"]
    return page


def pages(root):
    """The text of all sections, and what is missing, in words."""
    schema = "\n".join((root / f"frontend/proto/{name}.proto").read_text() for name in SCHEMAS)
    all_messages, all_enums = messages(schema), enums(schema)
    page, problems = [], []
    for kind, message in kinds(schema):
        comment, body = all_messages[message]
        path = root / f"examples/layers/{kind}.textproto"
        example = path.read_text() if path.exists() else ""
        if not comment:
            problems.append(f"{message} has no comment in the schema")
        elif not any(re.search(r"\bOutput\b", line) for line in comment):
            problems.append(f"the comment of {message} in the schema does not say what its output is (\"Output: ...\")")
        if not example:
            problems.append(f"there is no {path.relative_to(root)}")
        elif not re.search(rf"\b{kind} \{{", example):
            problems.append(f"{path.relative_to(root)} has no layer {kind}")
        rows = "\n".join(field_rows(body, all_enums))
        for name in re.findall(r"^ *(?:optional|repeated) \w+ (\w+) = ", "\n".join(body), re.M):
            if f"| `{name}` |" not in rows:
                problems.append(f"field {name} of {message} is in a form that layer_pages.py does not read")
        page += section(kind, comment, body, example, all_enums)
    known = {kind for kind, _ in kinds(schema)}
    for path in sorted((root / "examples/layers").glob("*.textproto")):
        if path.stem not in known:
            problems.append(f"{path.relative_to(root)} is of no kind of layer")
    return "\n".join(page), problems
