"""Keywords that combine schemas, as changes to one schema. Leaves out: reading it (see schema).

``not``, ``dependencies`` and alternatives that speak only of which properties are there become
presence rules; the rest stays alternatives.
"""

from __future__ import annotations

from typing import Any

from iotcall.catalogue.combine import ANNOTATIONS, RULES, Schema, rules_of, with_rule
from iotcall.catalogue.presence import Has, Presence, all_of, any_of, negation, one_of
from iotcall.catalogue.values import same
from iotcall.errors import SchemaError

OF_TYPE = {
    "string": {"minLength", "maxLength", "pattern", "format"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "boolean": set[str](),
    "null": set[str](),
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties",
               "unevaluatedProperties", RULES},
}
"""Type -> keywords that constrain it."""


def presence_of(schema: Any) -> Presence | None:
    """The schema as a rule of which properties are there; None if it says more than that."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        return None
    rules: list[Presence] = [*rules_of(schema)]
    for key, value in schema.items():
        if key in ANNOTATIONS or key == RULES or (key == "type" and value == "object"):
            continue
        if key == "required" and _names(value):
            rules += [Has(name) for name in value]
        elif key == "not":
            rule = presence_of(value)
            if rule is None:
                return None
            rules.append(negation(rule))
        elif key in ("anyOf", "oneOf", "allOf") and isinstance(value, list) and value:
            inner = [presence_of(part) for part in value]
            if any(rule is None for rule in inner):
                return None
            combine = {"anyOf": any_of, "oneOf": one_of, "allOf": all_of}[key]
            rules.append(combine(rule for rule in inner if rule is not None))
        else:
            return None
    return all_of(rules)


def negated(schema: Schema, pointer: str) -> Schema | bool:
    """The schema with its ``not`` expressed otherwise."""
    base, refused_schema = without(schema, "not"), schema["not"]
    if refused_schema is False:
        return base
    if refused_schema is True or refused_schema == {}:
        return False
    rule = presence_of(refused_schema)
    if rule is not None and only_objects(base):
        return with_rule(base | {"type": "object"}, negation(rule))
    if isinstance(refused_schema, dict):
        keys = refused_schema.keys() - ANNOTATIONS
        if keys == {"type"}:
            refused = types_of(refused_schema, f"{pointer}/not")
            kinds = [kind for kind in types_of(base, pointer) or OF_TYPE
                     if kind not in refused and (kind != "integer" or "number" not in refused)]
            if "integer" in refused and "number" in kinds:
                raise SchemaError(f"{pointer}/not", "numbers that are no integers cannot be "
                                                    "honoured here")
            return {**base, "type": kinds}
        refused_values = refused_schema.get("enum", [refused_schema.get("const")])
        if (keys in ({"enum"}, {"const"}) and isinstance(base.get("enum"), list)
                and isinstance(refused_values, list)):
            return {**base, "enum": [value for value in base["enum"] if not any(
                same(value, other) for other in refused_values)]}
    raise SchemaError(f"{pointer}/not", "only 'not' of required properties, of types, and of "
                                        "values beside an enum can be honoured here")


def with_dependencies(schema: Schema, keyword: str, pointer: str) -> Schema | bool:
    """The schema with its dependencies as rules, or as alternatives where they are schemas."""
    base, needs = without(schema, keyword), schema[keyword]
    if not isinstance(needs, dict):
        raise SchemaError(f"{pointer}/{keyword}", f"expected an object, found {needs!r}")
    parts = []
    for name, need in needs.items():
        rule = (all_of([Has(other) for other in need]) if _names(need)
                else presence_of(need))
        if rule is not None:
            base = with_rule(base, any_of([negation(Has(name)), rule]))
        elif keyword == "dependentRequired" or not isinstance(need, dict):
            raise SchemaError(f"{pointer}/{keyword}/{name}", f"expected a list of names, found "
                                                             f"{need!r}")
        else:
            parts.append({"anyOf": [with_rule({}, negation(Has(name))),
                                    with_rule(need, Has(name))]})
    if parts and not only_objects(base):
        raise SchemaError(f"{pointer}/{keyword}", "expected type 'object' beside it")
    return {**base, "allOf": parts} if parts else base


def without_their_keys(own: Schema | bool, others: list[Schema | bool]) -> Schema | bool:
    """An object of a oneOf without what other alternatives require: it may not satisfy both."""
    if not isinstance(own, dict) or not only_objects(own):
        return own
    mine, declared = own.get("required", []), own.get("properties", {})
    if not _names(mine) or not isinstance(declared, dict):
        return own
    mine = set(mine)
    for other in others:
        if not isinstance(other, dict) or not _names(other.get("required")):
            continue
        theirs = set(other["required"])
        if not theirs <= mine and theirs <= mine | set(declared):
            own = with_rule(own, negation(all_of([Has(name) for name in sorted(theirs)])))
    return own


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def names_in(rule: Presence) -> set[str]:
    match rule:
        case Has(name):
            return {name}
        case bool():
            return set()
        case _:
            inner = rule.rules if hasattr(rule, "rules") else (rule.inner,)
            return set().union(*map(names_in, inner))


def only_objects(schema: Schema) -> bool:
    return schema.get("type", "object") in ("object", ["object"])


def types_of(schema: Schema, pointer: str) -> list[str]:
    """The types that are named, or nothing."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, list) or not all(
            isinstance(kind, str) and kind in OF_TYPE for kind in kinds):
        raise SchemaError(f"{pointer}/type", f"expected one of {', '.join(sorted(OF_TYPE))}, "
                                             f"found {schema['type']!r}")
    return list(dict.fromkeys(kinds))


def list_of(schema: Schema, keyword: str, pointer: str) -> list[Any]:
    value = schema[keyword]
    if not isinstance(value, list):
        raise SchemaError(f"{pointer}/{keyword}", f"expected a list of schemas, found {value!r}")
    return value


def without(schema: Schema, keyword: str) -> Schema:
    return {key: value for key, value in schema.items() if key != keyword}
