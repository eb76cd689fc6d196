"""For Schemathesis: questions that often hit something, and one check more.

What it makes up by itself is hardly ever the name of a metric or a condition that can be read, and
hardly ever filters that go together. So three of four such texts are replaced by one of a list, and
of filters one is left, chosen by the text that was made up, so that a seed stays a seed.
"""

import re
import zlib

import schemathesis
from schemathesis.generation import GenerationMode

METRICS = ["daily_active_devices", "regional_events", "performance", "sessions", "stickiness"]
METRICS += ["feature_ranking", "weekly_retention", "feature_time", "crashes"]
CHOICES = {
    "filter": ['region == "us-east"', "os is null", 'not (app_version in ["2.4.0"])', "region =="],
    "metric": [*METRICS, "active_devices"],
    "region": ["us-east", "eu-west"],
    "device_type": ["mobile", "tablet"],
    "os": ["iOS 17"],
    "app_version": ["2.4.0"],
    "feature": ["camera"],
}
CONFLICTS = re.compile(
    r"filter:|to is before from$|the end is before the start$|no metric of /metrics/"
    r"|'.*' is no metric of /metrics/",
    re.DOTALL,
)


def replaced(text, choices):
    number = zlib.crc32(text.encode(errors="surrogatepass"))
    return text if number % 4 == 0 else choices[number // 4 % len(choices)]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if path_parameters and isinstance(path_parameters.get("name"), str):
        path_parameters["name"] = replaced(path_parameters["name"], METRICS)
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    found = [name for name in CHOICES if query and isinstance(query.get(name), str)]
    number = zlib.crc32(repr(query).encode(errors="surrogatepass"))
    if number % 4 != 0:
        for name in found:
            if len(found) > 1 and name != found[number // 4 % len(found)]:
                del query[name]
    for name in found:
        if name in query:
            query[name] = replaced(query[name], CHOICES[name])
    return query


@schemathesis.check
def conflicts_are_told(ctx, response, case):
    """400 to what is valid word by word is about words that do not go together."""
    is_valid = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if is_valid and response.status_code == 400 and case.method == "GET":
        detail = response.json()["detail"]
        assert CONFLICTS.match(detail), f"a valid question was refused: {detail}"
