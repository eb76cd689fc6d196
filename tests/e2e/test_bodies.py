"""The collector's door, on the real program: bodies that other encoders compressed, bombs, pages of
other origins, keys, limits, and batches that come twice."""

import gzip
import hashlib
import json
import pathlib
import re
import socket
import struct
import threading
import zlib

import pytest
import zstandard
from harness import run_ok, tidemark
from live import Listener
from service import JSON, NDJSON, device_event

PROBLEM = "application/problem+json"
BODY_MAX = 8 << 20
KEY, OTHER = "a-key-of-the-web-app-0001", "a-key-of-a-partner-00002"
ORIGIN = "https://app.example.org"


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def zstd(data, **options):
    return zstandard.ZstdCompressor(**options).compress(data)


def zstd_stream(data):
    """A frame that does not say how large it is, as a client that streams makes it."""
    packer = zstandard.ZstdCompressor(level=19, write_checksum=True).compressobj()
    return packer.compress(data) + packer.flush()


ENCODERS = {
    "gzip": ("gzip", gzip.compress),
    "gzip, stored": ("gzip", lambda data: gzip.compress(data, 0)),
    "gzip, two members": ("gzip", lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])),
    "x-gzip": ("X-GZIP", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "zstd": ("zstd", zstd),
    "zstd, streamed": ("zstd", zstd_stream),
    "zstd, two frames": ("zstd", lambda data: zstd(data[:99]) + zstd(data[99:])),
    "zstd, skippable": ("zstd", lambda data: b"\x50\x2a\x4d\x18\x04\0\0\0\1\2\3\4" + zstd(data)),
    "identity": ("identity", bytes),
}


def lines(events):
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def resident(service):
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) << 10


# Compressed bodies


def test_every_encoder(make_service):
    service = make_service(preset="device").start()
    number = 0
    for name, (coding, encode) in ENCODERS.items():
        events = [device_event(number + i, device=i) for i in range(20)]
        number += len(events)
        reply = service.post_events(encode(lines(events)), {"Content-Encoding": coding})
        assert reply.status == 200 and reply.json["accepted"] == 20, (name, reply)
    # In chunks, as a sender that compresses while it sends.
    events = lines([device_event(number + i) for i in range(20)])
    pieces = iter([gzip.compress(events)[i : i + 7] for i in range(0, len(gzip.compress(events)), 7)])
    reply = service.ask(
        "POST", "/v1/events", pieces, {"Content-Type": NDJSON, "Content-Encoding": "gzip"}
    )
    assert reply.status == 200 and reply.json["accepted"] == 20, reply
    number += 20
    ledger = service.ledger()
    assert (ledger["processed"], ledger["duplicate"]) == (number, 0)


def test_every_route(make_service):
    service = make_service(preset="sunbird").start()
    envelope = json.dumps({"events": []}).encode()
    for path in ("/v1/telemetry", "/data/v3/telemetry"):
        reply = service.ask(
            "POST", path, gzip.compress(envelope), {"Content-Type": JSON, "Content-Encoding": "gzip"}
        )
        assert (reply.status, reply.json["responseCode"]) == (200, "SUCCESS")
    for path in ("/api/v1/barrier", "/health"):  # they take no body, whatever its coding
        reply = service.ask("POST" if "api" in path else "GET", path, b"x", {"Content-Encoding": "gzip"})
        assert reply.status == 413, (path, reply)


def test_broken_bodies(make_service):
    service = make_service(preset="device").start()
    text = lines([device_event(1)])
    broken = {
        "nothing": b"",
        "not compressed": text,
        "cut": gzip.compress(text)[:-9],
        "without its checksum": gzip.compress(text)[:-8],
        "another byte": gzip.compress(text)[:40] + b"\xff\xff" + gzip.compress(text)[42:],
        "another checksum": gzip.compress(text)[:-8] + b"\0\0\0\0" + gzip.compress(text)[-4:],
        "garbage behind it": gzip.compress(text) + b"\n",
        "zeros behind it": gzip.compress(text) + bytes(512),
    }
    with_connection = service.client()
    for name, body in broken.items():
        reply = with_connection.post_events(body, {"Content-Encoding": "gzip"})
        assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM), (name, reply)
        assert "Accept-Encoding" not in reply.headers
    for body in (text, zstd(text)[:-1], zstd(text) + b"x", zstd(text)[4:]):
        assert with_connection.post_events(body, {"Content-Encoding": "zstd"}).status == 400
    for body in (text, zlib.compress(text)[:-1], zlib.compress(text) * 2, raw_deflate(text)[:-1]):
        assert with_connection.post_events(body, {"Content-Encoding": "deflate"}).status == 400
    with_connection.close()
    assert service.ledger()["verdicts"] == 0  # nothing of them is kept


@pytest.mark.parametrize("coding", ["br", "compress", "gzip, gzip", "zstd,gzip", "gzip;q=1", "aws"])
def test_other_codings(make_service, coding):
    service = make_service(preset="device").start()
    reply = service.post_events(b"x", {"Content-Encoding": coding})
    assert reply.status == 415, reply
    assert reply.headers["Accept-Encoding"] == "gzip, deflate, zstd"
    # A 415 for another reason does not speak of codings (RFC 7694).
    reply = service.post_events(b"x", {"Content-Type": "text/plain"})
    assert reply.status == 415 and "Accept-Encoding" not in reply.headers


# Bombs


def gzip_bomb(size):
    """Zeros, without having them."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()


def zstd_bomb(size):
    """Blocks of one byte each, repeated 128 KiB times: 32768 to 1."""
    count = size >> 17
    block = struct.pack("<I", (131072 << 3) | 2)[:3] + b"\0"
    last = struct.pack("<I", (131072 << 3) | 3)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * (count - 1) + last


def test_fault_L9_bombs(make_service):
    service = make_service(preset="device").start()
    bombs = {
        "gzip": ("gzip", gzip_bomb(1 << 30)),
        "gzip in members": ("gzip", gzip.compress(bytes(1 << 20)) * 1000),
        "deflate": ("deflate", raw_deflate(bytes(64 << 20))),
        "zstd": ("zstd", zstd_bomb(10 << 30)),
        "zstd with a window": ("zstd", b"\x28\xb5\x2f\xfd\x00\xf8" + bytes(100)),
        "zstd in frames": ("zstd", zstd(bytes(1 << 20)) * 1000),
        "too many members": ("gzip", gzip.compress(b"") * 100_000),
        "too many frames": ("zstd", zstd(b"") * 200_000),
        "not dense, and too large": ("gzip", gzip.compress(noise(BODY_MAX + 1), 1)),
    }
    assert service.post_events(lines([device_event(1)])).status == 200
    before = resident(service)
    for name, (coding, body) in bombs.items():
        assert len(body) < BODY_MAX, name
        threads, errors = [], []

        def post(coding=coding, body=body, name=name, errors=errors):
            reply = service.post_events(body, {"Content-Encoding": coding})
            if (reply.status, reply.headers["Content-Type"]) != (413, PROBLEM):
                errors.append((name, reply))

        threads = [threading.Thread(target=post) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
    grown = resident(service) - before
    assert grown < 96 << 20, f"{grown >> 20} MiB more than before"
    # And what is as large as may be goes through, right behind them.
    largest = b"\n" * BODY_MAX
    assert service.post_events(gzip.compress(largest), {"Content-Encoding": "gzip"}).status == 413
    text = lines([device_event(i, note=noise(300).hex()) for i in range(2, 5000)])
    reply = service.post_events(zstd(text), {"Content-Encoding": "zstd"})
    assert reply.status == 200 and reply.json["accepted"] == 4998


def noise(size):
    """Bytes that compress to a half, and are the same in every run."""
    digest = hashlib.shake_128(b"noise").digest((size + 1) // 2)
    return digest.hex().encode()[:size]


def test_a_body_that_ends_early(make_service):
    """The sender goes away in the middle: nothing is kept, nothing is held."""
    service = make_service(preset="device").start()
    head = (
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
    )
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(head + gzip.compress(b"x" * 100))
    assert service.post_events(lines([device_event(1)])).status == 200
    assert service.ledger()["verdicts"] == 1


# The generator


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_generator(make_service, preset, coding):
    service = make_service(preset=preset).start()
    command = ["generate", "--preset", preset, "--count", "300", "--rate", "0", "--compress", coding]
    run_ok(*command, "--to", service.url)
    assert service.ledger()["verdicts"] == 300


def test_generator_words():
    done = tidemark("generate", "--preset", "device", "--compress", "gzip")
    assert done.returncode == 2 and b"--to http://host:port" in done.stderr
    done = tidemark("generate", "--preset", "device", "--compress", "br", "--to", "http://127.0.0.1:1")
    assert done.returncode == 2 and b"write gzip or zstd" in done.stderr


# Pages of other origins


def cors_of(reply):
    return {
        name.lower(): value
        for name, value in reply.headers.items()
        if name.lower().startswith("access-control-")
    }


def preflight(service, path, origin, method="POST"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    headers["Access-Control-Request-Headers"] = "content-type,content-encoding"
    return service.ask("OPTIONS", path, headers=headers)


def test_fault_A23_cors(make_service):
    service = make_service(
        preset="device", settings=[f"collect.http.cors={ORIGIN},http://localhost:3000"]
    ).start()
    reply = preflight(service, "/v1/events", ORIGIN)
    assert (reply.status, reply.body) == (204, b"")
    assert cors_of(reply) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": "authorization, content-encoding, content-type, "
        "idempotency-key, last-event-id, x-api-key",
        "access-control-max-age": "600",
    }
    assert reply.headers["Vary"] == "Origin"
    body = lines([device_event(1)])
    for headers, status in (({}, 200), ({"Content-Encoding": "br"}, 415), ({"Content-Type": "a/b"}, 415)):
        reply = service.post_events(body, {"Origin": "http://localhost:3000"} | headers)
        assert reply.status == status
        assert reply.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        assert "Retry-After".lower() in reply.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in reply.headers
    strangers = ["https://evil.example", f"{ORIGIN}.evil.example", "null", ORIGIN.upper(), f"{ORIGIN}:444"]
    strangers += ["http://localhost:3001", "http://app.example.org", f"{ORIGIN}/", "*"]
    for stranger in strangers:
        for reply in (
            preflight(service, "/v1/events", stranger),
            service.post_events(body, {"Origin": stranger}),
        ):
            assert reply.status in (200, 204) and not cors_of(reply), (stranger, reply)
            assert reply.headers["Vary"] == "Origin"
    # The rest of the service has nothing to say to other origins.
    for path in ("/api/v1/ledger", "/metrics", "/health", "/"):
        for reply in (preflight(service, path, ORIGIN, "GET"), service.ask("GET", path, headers={"Origin": ORIGIN})):
            assert not cors_of(reply), path


def test_cors_of_the_api(make_service):
    service = make_service(preset="device", settings=["serve.cors=*"]).start()
    reply = service.ask("GET", "/api/v1/ledger", headers={"Origin": ORIGIN})
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, "*")
    reply = service.ask("GET", "/api/v1/metrics/nothing", headers={"Origin": ORIGIN})
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (404, "*")
    assert "Access-Control-Allow-Origin" not in service.get("/api/v1/ledger").headers
    assert not cors_of(preflight(service, "/api/v1/barrier", ORIGIN))  # it is not a question
    assert not cors_of(preflight(service, "/v1/events", ORIGIN))
    reply = preflight(service, "/api/v1/ledger", ORIGIN, "GET")
    assert cors_of(reply)["access-control-allow-methods"] == "GET, HEAD, OPTIONS"


def test_cors_of_the_live_feed(make_service):
    """A stream's headers are those of any reply of the API; so are the dashboard's."""
    service = make_service(preset="device", settings=[f"serve.cors={ORIGIN}"]).start()
    for origin in (ORIGIN, "https://evil.example", None):
        with Listener(service.port, headers={"Origin": origin} if origin else {}) as listener:
            assert listener.status == 200
            assert listener.next().event == "hello"
            allowed = cors_of(listener.reply).get("access-control-allow-origin")
            assert allowed == (ORIGIN if origin == ORIGIN else None)
            assert listener.reply.headers["Vary"] == "Origin"
            assert listener.reply.headers["X-Content-Type-Options"] == "nosniff"
            assert listener.reply.headers["Cache-Control"] == "no-store"
    for path in ("/api/v1/live", "/api/v1/status", "/api/v1/quality", "/", "/app.js"):
        told = cors_of(preflight(service, path, ORIGIN, "GET"))
        assert told["access-control-allow-origin"] == ORIGIN, path
        assert "last-event-id" in told["access-control-allow-headers"].split(", ")
        assert service.ask("HEAD", path, headers={"Origin": ORIGIN}).headers[
            "Access-Control-Allow-Origin"
        ] == ORIGIN
    reply = service.ask("GET", "/api/v1/live?metrics=nothing", headers={"Origin": ORIGIN})
    assert reply.status == 400 and cors_of(reply)["access-control-allow-origin"] == ORIGIN


def test_no_cors_unless_asked_for(make_service):
    service = make_service(preset="device").start()
    for reply in (
        preflight(service, "/v1/events", ORIGIN),
        service.post_events(lines([device_event(1)]), {"Origin": ORIGIN}),
        service.ask("GET", "/api/v1/ledger", headers={"Origin": ORIGIN}),
    ):
        assert not cors_of(reply) and "Vary" not in reply.headers


@pytest.mark.parametrize(
    "setting",
    ["collect.http.cors=https://*.example.org", "serve.cors=null", "collect.http.cors=example.org"],
)
def test_origins_that_are_none(make_service, setting):
    service = make_service(preset="device", settings=[setting]).launch()
    assert service.exited() == 3
    assert f"{setting.split('=')[0]}: '" in service.log_tail() and "is no origin" in service.log_tail()


def test_nosniff_everywhere(make_service):
    service = make_service(preset="device").start()
    replies = [service.get("/health"), service.get("/nothing"), service.ask("PUT", "/v1/events", b"")]
    replies += [service.ask("OPTIONS", "/health"), service.get("/docs"), service.post_events(b"{}\n")]
    replies += [service.post_events(b"x", {"Content-Encoding": "gzip"})]
    for reply in replies:
        assert reply.headers["X-Content-Type-Options"] == "nosniff", reply
    too_large = b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
    too_large += b"Transfer-Encoding: chunked\r\n\r\n" + b"900000\r\n" + b"\n" * 0x900000 + b"\r\n"
    assert b"X-Content-Type-Options: nosniff" in service.raw(too_large)


# Keys and limits


def write_keys(folder):
    path = folder / "keys.yaml"
    digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in (("web", KEY), ("partner", OTHER))}
    path.write_text("".join(f"{name}: {digest}\n" for name, digest in digests.items()))
    return path


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_fault_A8_keys(make_service, tmp_path):
    service = make_service(
        preset="device", settings=[f"collect.http.keys={write_keys(tmp_path)}"]
    ).start()
    body = lines([device_event(1)])
    for headers in (bearer(KEY), {"X-Api-Key": OTHER}, {"Authorization": f"bearer {OTHER}"}):
        assert service.post_events(body, headers).status == 200
    for headers in ({}, bearer("nobody's-key-1234567"), {"X-Api-Key": KEY + " x"}, bearer("")):
        reply = service.post_events(body, headers)
        assert (reply.status, reply.headers["Content-Type"]) == (401, PROBLEM)
        assert reply.headers["WWW-Authenticate"].startswith('Bearer realm="tidemark"')
    # Refused before the body is read, whatever it is.
    reply = service.post_events(gzip_bomb(64 << 20), {"Content-Encoding": "gzip"})
    assert reply.status == 401
    # The API and a browser's preflight need none; nothing that was sent is told anywhere.
    assert service.get("/api/v1/ledger").status == 200
    turned_away = 'tidemark_collector_turned_away_total{why="key"} 5'
    assert turned_away in service.get("/metrics").body.decode()
    assert KEY not in service.log_tail() and "nobody's" not in service.log_tail()
    assert service.ledger()["verdicts"] == 3


def test_generate_with_a_key(make_service, tmp_path):
    service = make_service(
        preset="device", settings=[f"collect.http.keys={write_keys(tmp_path)}"]
    ).start()
    command = ["generate", "--preset", "device", "--count", "40", "--rate", "0", "--to", service.url]
    run_ok(*command, "--key", KEY)
    run_ok(*command, "--seed", "2", "--compress", "gzip", environment={"TIDEMARK_KEY": OTHER})
    # What is said counts more than what lies about.
    run_ok(*command, "--seed", "3", "--key", KEY, environment={"TIDEMARK_KEY": "of-somewhere-else-1"})
    assert service.ledger()["verdicts"] == 120
    for more, key in (([], ""), ([], "nobody's-key-1234567"), (["--key", "nobody's-key-1234567"], KEY)):
        done = tidemark(*command, *more, environment={"TIDEMARK_KEY": key})
        assert done.returncode == 1 and b"answered 401: it wants an API key" in done.stderr
        assert b"nobody's" not in done.stderr
    assert service.ledger()["verdicts"] == 120


@pytest.mark.parametrize("key", ["", "two words of a key", f"{KEY}\r\nX-More: 1", "schl\u00fcssel", "k" * 1025])
def test_generate_with_what_is_no_key(key):
    command = ["generate", "--preset", "device", "--count", "1", "--to", "http://127.0.0.1:1"]
    done = tidemark(*command, "--key", key)
    assert done.returncode == 2 and b"--key: a key is" in done.stderr
    assert not key or key.encode() not in done.stderr
    if key:
        done = tidemark(*command, environment={"TIDEMARK_KEY": key})
        assert done.returncode == 2 and b"TIDEMARK_KEY: a key is" in done.stderr


def test_a_key_is_for_a_service():
    command = ["generate", "--preset", "device", "--count", "1"]
    done = tidemark(*command, "--key", KEY)
    assert done.returncode == 2 and b"--key is for a service" in done.stderr
    done = run_ok(*command, environment={"TIDEMARK_KEY": KEY})
    assert done.stdout.count(b"\n") == 1 and KEY.encode() not in done.stdout


def test_keys_that_are_none(make_service, tmp_path):
    path = tmp_path / "keys.yaml"
    path.write_text(f"web: {KEY}\n")
    service = make_service(preset="device", settings=[f"collect.http.keys={path}"]).launch()
    assert service.exited() == 3
    assert "keys.yaml:1: behind a name stands a SHA-256" in service.log_tail()
    assert KEY not in service.log_tail()
    service = make_service(preset="device", settings=["collect.http.limit.key.rate=5"]).launch()
    assert service.exited() == 3
    assert "needs keys" in service.log_tail()


def test_limit_by_address(make_service):
    service = make_service(
        preset="device",
        settings=["collect.http.limit.address.rate=1", "collect.http.limit.address.burst=500"],
    ).start()  # so low a rate that what comes back meanwhile is nothing, however long it takes
    number, replies = 0, []
    while not replies or replies[-1].status == 200:
        events = [device_event(number + i) for i in range(200)]
        number += 200
        replies.append(service.post_events(lines(events)))
        assert number < 10_000
    # 500 at once: the third body is let in with 100 left, and overdraws; the fourth waits.
    assert len(replies) - 1 == 3
    refused = replies[-1]
    assert (refused.status, refused.headers["Content-Type"]) == (429, PROBLEM)
    assert 1 <= int(refused.headers["Retry-After"]) <= 101
    assert refused.headers["RateLimit-Policy"] == '"address";q=500;w=500;qu="events"'
    assert re.fullmatch(r'"address";r=0;t=\d+', refused.headers["RateLimit"])
    # What a header says of the address does not matter, and the rest of the service is not limited.
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert service.post_events(b"{}\n", {name: "192.0.2.7"}).status == 429
    assert service.get("/health").status == 200
    assert service.ledger()["verdicts"] == number - 200
    assert 'turned_away_total{why="address_limit"} 4' in service.get("/metrics").body.decode()


def test_limit_by_key(make_service, tmp_path):
    service = make_service(
        preset="device",
        settings=[
            f"collect.http.keys={write_keys(tmp_path)}",
            "collect.http.limit.key.rate=1",
            "collect.http.limit.key.burst=20",
        ],
    ).start()
    events = lines([device_event(i) for i in range(100)])
    assert service.post_events(events, bearer(KEY)).status == 200
    refused = service.post_events(events, bearer(KEY))
    assert refused.status == 429 and 1 <= int(refused.headers["Retry-After"]) <= 81
    assert service.post_events(events, bearer(OTHER)).status == 200


def test_the_generator_waits_for_its_turn(make_service):
    service = make_service(
        preset="device",
        settings=["collect.http.limit.address.rate=1", "collect.http.limit.address.burst=10"],
    ).start()
    # Two bodies of 20: the first leaves a debt of ten seconds.
    run_ok("generate", "--preset", "device", "--count", "40", "--rate", "0", "--to", service.url)
    assert service.ledger()["verdicts"] == 40
    text = service.get("/metrics").body.decode()
    assert int(re.search(r'turned_away_total{why="address_limit"} (\d+)', text)[1]) >= 1


# Batches that come twice


def test_idempotency_key(make_service):
    service = make_service(preset="device").start()
    first, second = lines([device_event(1)]), lines([device_event(2)])
    key = {"Idempotency-Key": "batch-1"}
    answer = service.post_events(first, key)
    assert answer.status == 200 and answer.json["accepted"] == 1
    for body, headers in (
        (first, key),
        (gzip.compress(first), key | {"Content-Encoding": "gzip"}),  # the same batch, packed
    ):
        again = service.post_events(body, headers)
        assert (again.status, again.body) == (200, answer.body)
    # Another body is another batch, remembered beside the first.
    other = service.post_events(second, key)
    assert other.status == 200 and other.json["accepted"] == 1
    assert service.post_events(second, key).body == other.body
    assert service.post_events(first, key).body == answer.body
    assert service.post_events(second, {"Idempotency-Key": "batch-2"}).status == 200
    ledger = service.ledger()
    assert (ledger["processed"], ledger["duplicate"]) == (2, 1)
    # A body that cannot be split is kept once.
    broken = [
        service.ask("POST", "/v1/events", b"[", {"Content-Type": JSON, "Idempotency-Key": "b"})
        for _ in range(2)
    ]
    assert [reply.status for reply in broken] == [400, 400] and broken[0].body == broken[1].body
    assert service.ledger()["verdicts"] == 4
