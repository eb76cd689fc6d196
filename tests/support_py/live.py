"""A listener of /api/v1/live: server-sent events, read as a browser reads them."""

import http.client
import json
import time

UNTIL_S = 120


class Message:
    def __init__(self, event, id, data):
        self.event, self.id, self.data = event, id, data

    @property
    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"{self.event} {self.id} {self.data[:500]}"


class Listener:
    """One stream; its cells merged as a page would have them."""

    def __init__(self, port, query="", last_id=None, timeout=60, headers=None):
        headers = {"Accept": "text/event-stream"} | (headers or {})
        headers |= {"Last-Event-ID": last_id} if last_id else {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.connection.request("GET", f"/api/v1/live{query}", headers=headers)
        self.reply = self.connection.getresponse()
        self.status = self.reply.status
        self.last_id = last_id
        self.cells, self.messages = {}, []

    def next(self):
        """The next message; None at the end of the stream."""
        event, data = None, []
        while line := self.reply.readline():
            line = line.decode().rstrip("\n")
            field, _, value = line.partition(": ")
            if field == "event":
                event = value
            elif field == "id":
                self.last_id = value
            elif field == "data":
                data.append(value)
            elif not line and event:
                message = Message(event, self.last_id, "\n".join(data))
                self.take(message)
                return message
        return None

    def take(self, message):
        self.messages.append(message)
        if message.event == "hello" and not message.json["resumed"]:
            self.cells.clear()
        if message.event == "cells":
            for cell in message.json["cells"]:
                assert cell["metric"] == message.json["metric"]
                self.cells[key_of(cell)] = cell

    def until(self, condition):
        """Reads until condition(message) holds; the message."""
        deadline = time.monotonic() + UNTIL_S
        while True:
            message = self.next()
            assert message is not None, ("the stream ended", self.messages[-3:])
            if condition(message):
                return message
            assert time.monotonic() < deadline, self.messages[-3:]

    def until_event(self, event):
        return self.until(lambda message: message.event == event)

    def until_cells(self, condition):
        """Reads until condition(cells) holds; they are by key_of."""
        deadline = time.monotonic() + UNTIL_S
        while not condition(self.cells):
            assert time.monotonic() < deadline, self.messages[-3:]
            assert self.next() is not None, ("the stream ended", self.messages[-3:])

    def close(self):
        self.reply.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def key_of(cell):
    group = json.dumps(cell.get("group"), sort_keys=True)
    return cell["metric"], cell.get("start", cell.get("cohort")), cell.get("end"), group
