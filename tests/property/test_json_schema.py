"""JSON Schema: the program's verdicts against those of Python's jsonschema, event by event.

Random documents, from valid ones by a few changes at random depth, go through `replay`, once with
a folder of schemas of our own, and where the official Sunbird schemas stand beside the checkout
once with those and once with the built-in rules. A document must be refused exactly if jsonschema,
set up as in the oracle, finds a fault; with the same files also the place of the first fault must
be the same.
"""

import json
import pathlib
import random

import pytest
import yaml
from deltalake import DeltaTable
from harness import (
    DATA,
    ORACLE,
    PRESETS,
    differences,
    load_module,
    random_way,
    replay,
    replay_hint,
    run_ok,
    seed_of_run,
    shared,
)
from harness import oracle as run_oracle

TEST = "tests/property/test_json_schema.py"
MUTATIONS = 1000
DOCUMENTS = 3000
SCHEMA_REASONS = {"schema", "schema_unknown"}

# The oracle's way to name the files; jsonschema would like another one.
pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver")

oracle = load_module(ORACLE)


# What jsonschema says


def judge_of(folder, by):
    """A function from a text to None, or the expected reason and pointers that would do."""
    decoder = oracle.Decoder(
        {"columns": {}, "validate": {"json_schema": str(folder), "by": by}}, base=""
    )

    def judge(text):
        try:
            decoder.validate(oracle.parse(text), text)
        except oracle.Reject as reject:
            return reject.args[0]
        return None

    def places(text):
        document = json.loads(text)
        validator = decoder.validators[document[by].lower() + ".json"]
        return [pointer_to(error.absolute_path) for error in validator.iter_errors(document)]

    return judge, places


def pointer_to(path):
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


# What the program says


def verdicts(definitions, texts, folder):
    """Reason and pointer of each text that was refused, by its bytes."""
    events = folder / "events.ndjson"
    events.write_text("\n".join(texts) + "\n", encoding="utf-8")
    run_ok("replay", "-c", definitions, "--lake", folder / "lake", "--metric", "all", events)
    table = DeltaTable(str(folder / "lake/rejected")).to_pyarrow_table()
    return {
        row["bytes"]: (row["reason"], row["pointer"], row["detail"]) for row in table.to_pylist()
    }


def is_of_schema(reason, pointer, by):
    return reason in SCHEMA_REASONS or (reason == "missing" and pointer == "/" + by)


def write_definitions(path, json_schema, by, columns):
    columns = columns | {"at_": {"path": "ets", "type": "time_ms", "required": True}}
    schema = {
        "name": "t",
        "entity": "who_",
        "id": "mid_",
        "time": "at_",
        "validate": {"json_schema": str(json_schema), "by": by},
        "columns": columns,
    }
    metrics = {"all": {"count": "events", "every": "1d"}}
    path.write_text(yaml.safe_dump({"schema": schema, "metrics": metrics}), encoding="utf-8")
    return path


COLUMNS = {"mid_": {"path": "mid"}, "who_": {"path": "actor.id"}}


def check(definitions, texts, judge, by, folder, hint):
    """Compares reasons; returns their counts, and (text, pointer) of what schemas refuse."""
    verdict = verdicts(definitions, texts, folder)
    refused = []
    outcomes = {}
    for text in texts:
        expected = judge(text)
        reason, pointer, detail = verdict.get(text.encode(), (None, None, None))
        actual = reason if reason and is_of_schema(reason, pointer, by) else None
        assert actual == expected, f"{text}\n{actual} {pointer} {detail}, not {expected}\n{hint}"
        outcomes[expected] = outcomes.get(expected, 0) + 1
        if expected == "schema":
            assert detail, f"{text}\nno detail\n{hint}"
            refused.append((text, pointer))
    return outcomes, refused


def check_places(refused, places, hint, count_max=1):
    """Each must be among the first faults. With a key that stands twice the order is no text's."""
    for text, actual in refused:
        if not has_key_twice(text):
            expected = places(text)[:count_max]
            assert actual in expected, f"{text}\nat {actual}, not {expected}\n{hint}"


def has_key_twice(text):
    found = []

    def look(pairs):
        keys = [key for key, _ in pairs]
        found.append(len(set(keys)) < len(keys))
        return dict(pairs)

    json.loads(text, object_pairs_hook=look)
    return any(found)


# Mutations


VALUES = [
    None, True, False, 0, 1, -1, 3, 4, 1.0, 2.5, -0.5, -0.51, 5, 0.001, 1e400, 10**20, "", "a",
    "ab", "START", "start", "EUR", "é", "😀", "😀é", "a\"b", "é\0~/", "3.0", "3.1", [], {}, [1],
    ["x"], {"x": 1}, [1, {"x": [False]}], {"y": 100, "z": {}}, {"id": "a", "type": "b"},
]  # fmt: skip


def containers(value):
    """All objects and arrays, the value itself included."""
    if isinstance(value, (dict, list)):
        yield value
        for child in list(value.values()) if isinstance(value, dict) else value:
            yield from containers(child)


def mutate(r, document, words):
    """One change somewhere: removed, retyped, added, emptied, copied from elsewhere."""
    # Half of the time near the surface, where the interesting members are.
    places = list(containers(document))
    place = r.choice(places if r.random() < 0.5 else places[:4])
    key = None
    if place:
        key = r.choice(list(place) if isinstance(place, dict) else range(len(place)))
    value = json.loads(json.dumps(r.choice([*VALUES, r.choice(places)])))
    kind = r.choice(["remove", "set", "add", "empty", "rename", "set"])
    if kind == "add" or key is None:
        if isinstance(place, dict):
            place[r.choice(words)] = value
        else:
            place.insert(r.randint(0, len(place)), value)
    elif kind == "remove":
        del place[key]
    elif kind == "empty":
        place[key] = type(place[key])() if place[key] is not None else ""
    elif kind == "rename" and isinstance(place, dict):
        place[r.choice(words)] = place.pop(key)
    else:
        place[key] = value


def write(r, value, twice):
    """JSON text with white space and escapes here and there, and with keys that stand twice."""
    space = r.choice(["", "", "", " ", "\t"])
    if isinstance(value, dict):
        members = [(key, value[key]) for key in value]
        if members and r.random() < twice:
            members.insert(r.randint(0, len(members)), (r.choice(members)[0], r.choice(VALUES)))
        inside = ",".join(
            f"{space}{write(r, key, twice)}{space}:{write(r, child, twice)}"
            for key, child in members
        )
        return f"{space}{{{inside}{space}}}{space}"
    if isinstance(value, list):
        return f"[{space}" + f",{space}".join(write(r, child, twice) for child in value) + "]"
    if isinstance(value, str) and r.random() < 0.05:
        units = json.dumps(value)[1:-1] if r.random() < 0.5 else value
        if units == value and value.isascii() and value.isprintable() and '"' not in value:
            return '"' + "".join(f"\\u{ord(c):04x}" for c in value.replace("\\", "")) + '"'
        return json.dumps(value)
    if value == float("inf"):
        return "1e400"
    return json.dumps(value, ensure_ascii=r.random() < 0.5)


def variations(r, valid, words, count, twice):
    texts = []
    for _ in range(count):
        document = json.loads(json.dumps(r.choice(valid)))
        for _ in range(r.choice([0, 1, 1, 1, 2, 3])):
            mutate(r, document, words)
        texts.append(write(r, document, twice))
    return texts


# The tests


SHOP = [
    {"kind": "ORDER", "at": 5, "ets": 1, "lines": [{"sku": "ab", "count": 2}], "pay": "cash"},
    {
        "kind": "order",
        "at": 1.5,
        "ets": 1,
        "lines": [{"sku": "ab", "a/b~c": True, "more": {"sku": "cd", "é": {"sku": "ef"}}}],
        "total": {"amount": 3, "currency": "EUR"},
        "pay": {"card": 1},
        "tags": ["x", None],
    },
    {"kind": "ORDER", "at": 0, "ets": 1, "lines": [], "pay": {"iban": "DE"}},
    {"kind": "State", "ets": 1, "id": [1, {"x": [False]}], "big": 10**16, "small": 0.5},
    {"kind": "STATE", "ets": 1, "id": {"z": {}, "y": 100}, "deep": {"id": 2.5, "deep": {}}},
    {"kind": "state", "ets": 1, "both": {"x": 1, "y": None}},
    {"kind": "common", "at": 1, "ets": 1, "tags": []},
]  # fmt: skip
SHOP_WORDS = [
    "kind", "at", "tags", "lines", "total", "pay", "sku", "count", "price", "a/b~c", "amount",
    "currency", "card", "iban", "id", "big", "small", "deep", "both", "x", "y", "z", "", "é", "other",
]  # fmt: skip


def test_own_folder(tmp_path):
    """Beside a file of definitions, with a relative name."""
    seed = seed_of_run()
    hint = replay_hint(seed, TEST)
    r = random.Random(seed)
    folder = DATA / "schemas/shop"
    (tmp_path / "shop").symlink_to(folder)
    definitions = write_definitions(tmp_path / "t.yaml", "shop", "kind", COLUMNS)
    judge, places = judge_of(folder, "kind")
    assert [judge(json.dumps(document)) for document in SHOP] == [None] * len(SHOP)
    texts = variations(r, SHOP, SHOP_WORDS, DOCUMENTS, twice=0.05)
    outcomes, refused = check(definitions, texts, judge, "kind", tmp_path, hint)
    assert min(outcomes[None], outcomes["schema"]) > DOCUMENTS / 5, f"{outcomes}\n{hint}"
    assert min(outcomes["schema_unknown"], outcomes["missing"]) > 0, f"{outcomes}\n{hint}"
    # jsonschema takes additional members from a set, in no order.
    check_places(refused, places, hint, count_max=None)


def test_ledger(tmp_path):
    """Of a file with broken records too, the whole ledger and the cells are the oracle's."""
    seed = seed_of_run()
    hint = replay_hint(seed, TEST)
    r = random.Random(seed)
    (tmp_path / "shop").symlink_to(DATA / "schemas/shop")
    definitions = write_definitions(tmp_path / "t.yaml", "shop", "kind", COLUMNS)
    texts = variations(r, SHOP, SHOP_WORDS, DOCUMENTS // 10, twice=0.05)
    texts += [text[: r.randint(0, len(text))] for text in texts[:20]]
    texts += ["[]", "null", '{"kind":"\\ud800"}', '{"kind":' + "[" * 70 + "]" * 70 + "}"]
    r.shuffle(texts)
    events = tmp_path / "events.ndjson"
    events.write_text("\n".join(texts) + "\n", encoding="utf-8")
    run_oracle(definitions, events, tmp_path / "expected")
    replay(
        ["-c", definitions],
        [events],
        tmp_path / "actual",
        **random_way(r, events.stat().st_size),
    )
    found = differences(tmp_path / "expected", tmp_path / "actual", "--reasons")
    assert not found, f"{found}\n{hint}"


@pytest.fixture(scope="module")
def sunbird():
    lines = shared("data/sunbird-valid-500.ndjson").read_text(encoding="utf-8").splitlines()
    return shared("data/sunbird-schema-3.0"), lines


def sunbird_definitions(path, json_schema):
    """The preset's schema, with its comment's line put in."""
    spec = yaml.safe_load((PRESETS / "sunbird.yaml").read_text(encoding="utf-8"))
    spec["schema"]["validate"] = {"json_schema": str(json_schema), "by": "eid"}
    spec["metrics"] = {"all": {"count": "events", "every": "1d"}}
    del spec["alerts"]  # of metrics that are not there now
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


@pytest.mark.parametrize("way", ["built in", "folder"])
def test_sunbird(sunbird, way, tmp_path):
    """Real events are valid under the official rules; changed ones are what jsonschema says."""
    folder, lines = sunbird
    seed = seed_of_run()
    hint = replay_hint(seed, TEST)
    r = random.Random(seed)
    definitions = sunbird_definitions(
        tmp_path / "t.yaml", "sunbird-3.0" if way == "built in" else folder
    )
    judge, places = judge_of(folder, "eid")
    words = words_of(lines)
    valid = [json.loads(line) for line in lines] + full_events(folder)
    texts = [json.dumps(document) for document in valid]
    # Most changes where rules look: each kind as often as any, few members that no rule names.
    kinds = {document["eid"]: document for document in r.sample(valid, len(valid))}
    bare = [
        {key: d[key] for key in d if key == "edata" or not key.endswith(("data", "flags"))}
        for d in kinds.values()
    ]
    texts += variations(r, bare * 4 + valid[::50], words, MUTATIONS, twice=0.01)
    outcomes, refused = check(definitions, texts, judge, "eid", tmp_path, hint)
    assert not {text for text, _ in refused} & set(texts[: len(valid)]), hint
    assert min(outcomes[None] - len(valid), outcomes["schema"]) > MUTATIONS / 10, outcomes
    if way == "folder":
        check_places(refused, places, hint)


def words_of(lines):
    """Names of members: those of real events, and some that they do not use."""
    objects = [c for line in lines[:100] for c in containers(json.loads(line))]
    names = {key for c in objects if isinstance(c, dict) for key in c}
    more = {"plugin", "target", "parent", "ver", "visits", "objid", "objtype", "params", "cdata"}
    return sorted(names | more)


def full_instance(schemas, schema):
    """A valid value with every member that the schema speaks of."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "array":
        return [full_instance(schemas, schema["items"])]
    if kind != "object":
        return {"string": "ab", "number": 1}[kind]
    value = {k: full_instance(schemas, v) for k, v in schema.get("properties", {}).items()}
    for part in schema.get("allOf", []):
        value.update(full_instance(schemas, part))
    return value


def full_events(folder):
    """One of each type that has a file, whether or not the real events have it."""
    schemas = {path.name: json.loads(path.read_text()) for path in pathlib.Path(folder).iterdir()}
    events = [full_instance(schemas, schema) for schema in schemas.values()]
    return [event for event in events if isinstance(event, dict) and "edata" in event]


def each_change(document, below):
    """Every member below these members removed, and set to each kind of value; one more added."""

    def places(value):
        if isinstance(value, (dict, list)):
            for key in list(value) if isinstance(value, dict) else range(len(value)):
                yield value, key
                yield from places(value[key])

    for place, key in [(document, key) for key in below] + [
        found for key in below for found in places(document.get(key))
    ]:
        old = place[key]
        for new in ["", "x", -1, -2, 1.5, True, None, [], {}, [1], ["x"], [{}]]:
            place[key] = new
            yield json.dumps(document)
        place[key] = old
        if isinstance(old, dict):
            place[key] = {**old, "more": 1}
            yield json.dumps(document)
        if isinstance(place, dict):
            del place[key]
            yield json.dumps(document)
        place[key] = old


def test_each_rule(sunbird, tmp_path):
    """The built-in rules one by one: each member of each type of event, changed in each way."""
    folder, _ = sunbird
    events = full_events(folder)
    assert len(events) == 17, [event["eid"] for event in events]
    judge, _ = judge_of(folder, "eid")
    common = sorted(set(events[0]) - {"eid", "edata"})
    texts = [json.dumps(event) for event in events] + list(each_change(events[0], common))
    for event in events:
        texts += each_change(event, ["eid", "edata"])
    definitions = sunbird_definitions(tmp_path / "t.yaml", "sunbird-3.0")
    outcomes, _ = check(definitions, texts, judge, "eid", tmp_path, "no seed")
    assert min(outcomes[None], outcomes["schema"]) > 500, outcomes


def test_every_official_file_by_the_built_in_rules(sunbird, tmp_path):
    """Also what no event is called like: the files of parts, `event`, and words that are none."""
    folder, lines = sunbird
    judge, _ = judge_of(folder, "eid")
    names = [path.stem for path in sorted(pathlib.Path(folder).glob("*.json"))]
    assert len(names) == 34
    base = json.loads(lines[0])
    names += ["_event", "_end", "", "event.json", "STARTS"]
    texts = [json.dumps({**base, "eid": name}) for name in names]
    texts += [json.dumps({"eid": name, "ets": 1}) for name in names]
    texts += [json.dumps({**base, "eid": name}) for name in [None, 1, ["START"]]]
    definitions = sunbird_definitions(tmp_path / "t.yaml", "sunbird-3.0")
    outcomes, _ = check(definitions, texts, judge, "eid", tmp_path, "no seed")
    assert outcomes["schema_unknown"] == 10 and outcomes["missing"] == 3
