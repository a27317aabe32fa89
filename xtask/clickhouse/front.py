"""ClickHouse over HTTP for tests, where there is no server to install: the engine of PyPI's `chdb`.

`front.py [--port PORT] [--data FOLDER] [--stay]` says `listening on http://127.0.0.1:PORT` and ends
when its standard input does, or with SIGTERM; with `--stay` with SIGTERM alone. The data is in a
temporary folder unless one is named, which then outlives it.

Users are `default`, whose password is in CHFRONT_PASSWORD (none if that is not set), and `reader`,
with the same password, who may not write. Tests can order faults: see `faults.py`.
"""

import argparse
import base64
import json
import os
import re
import secrets
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
import zlib
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from urllib.parse import parse_qsl, urlsplit

os.environ["TZ"] = "UTC"

import formats
from faults import Faults
from queries import FORMAT, INSERT, Engine, Refused

PASSWORD = os.environ.get("CHFRONT_PASSWORD", "")
# Parameters of a request that are no settings.
RESERVED = {
    "buffer_size",
    "database",
    "default_format",
    "password",
    "query",
    "query_id",
    "quota_key",
    "stacktrace",
    "user",
    "wait_end_of_query",
}
# What the front does not do, so that nobody believes that it did.
UNSUPPORTED = ("compress", "decompress", "role", "session_id")
CANCELS = "cancel_http_readonly_queries_on_client_close"

# As ClickHouse maps its exceptions, in `exceptionCodeToHTTPStatus`; 500 for others.
STATUS = {
    400: (6, 8, 15, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 117, 167, 168, 223, 321, 376, 427, 441, 442),
    401: (194,),
    403: (192, 193, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115),
    408: (159,),
    413: (66,),
    501: (48,),
    503: (76, 209, 439),
}
STATUS = {code: status for status, codes in STATUS.items() for code in codes}


class Cut(Exception):
    """Ends the connection without another word."""


class Request:
    """What one request asks for, as the engine has to know it."""

    def __init__(self, handler):
        url = urlsplit(handler.path)
        self.path = url.path
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        headers = handler.headers
        self.query = query
        self.database = query.get("database") or headers.get("X-ClickHouse-Database") or "default"
        self.query_id = query.get("query_id") or str(uuid.uuid4())
        self.format = query.get("default_format") or "TabSeparated"
        self.whole = query.get("wait_end_of_query") == "1"
        self.params = {n.removeprefix("param_"): v for n, v in query.items() if n.startswith("param_")}
        self.settings = {
            name: value
            for name, value in query.items()
            if name not in RESERVED and name not in UNSUPPORTED and not name.startswith("param_")
        }
        self.user, password = credentials(query, headers)
        if self.user not in ("default", "reader") or not secrets.compare_digest(
            password.encode(), PASSWORD.encode()
        ):
            raise Refused.new(
                516,
                "AUTHENTICATION_FAILED",
                f"{self.user}: Authentication failed: password is incorrect, or there is no user with such name.",
            )
        for name in UNSUPPORTED:
            if query.get(name, "0") not in ("", "0"):
                raise Refused.new(48, "NOT_IMPLEMENTED", f"the front for tests has no {name}")
        for name in self.settings:
            if not re.fullmatch(r"\w+", name):
                raise Refused.new(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'.")
        # As in ClickHouse: what is asked with GET changes nothing.
        if self.user == "reader" or handler.command == "GET":
            self.settings.setdefault("readonly", "2")


def credentials(query, headers):
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    kind, _, encoded = headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        return user, password
    return query.get("user") or "default", query.get("password", "")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = 600

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        self.sent_headers = False
        self.query_id = ""
        body = self.body()
        try:
            try:
                self.route(body)
            except Refused as refused:
                self.refuse(refused, body)
        except (Cut, OSError, ValueError):
            # Without the last chunk, the caller knows that this is not all.
            self.cut()

    def route(self, body):
        request = Request(self)
        self.query_id = request.query_id
        if request.path == "/faults":
            return self.order_faults(request, body)
        if request.path == "/ping" or (self.command == "GET" and "query" not in request.query):
            drain(body)
            return self.reply(b"Ok.\n", "text/html; charset=UTF-8")
        if request.path != "/":
            drain(body)
            return self.reply(b"There is no handle " + request.path.encode() + b"\n", status=404)
        self.execute(request, body)

    def order_faults(self, request, body):
        drain(body)
        order = {name: value for name, value in request.query.items() if name not in RESERVED}
        try:
            self.server.faults.order(request.database, **order)
        except (KeyError, TypeError, ValueError) as error:
            raise Refused.new(36, "BAD_ARGUMENTS", f"no such fault: {error}") from None
        self.reply(b"")

    def execute(self, request, body):
        head = request.query.get("query", "").encode()
        insert = INSERT.match(head)
        if insert is None:
            # The statement is in the body, or goes on there.
            head = (head + b"\n" if head else b"") + b"".join(body)
            insert = INSERT.match(head)
        statement = (head[: insert.end()] if insert else head).decode()
        if insert:
            body = chain((head[insert.end() :],), body)
        fault = self.server.faults.take(request.database, statement)
        if fault is not None:
            self.meet(fault, body)
        self.cut_after = fault is not None and fault.kind == "cut"
        with self.server.engine.query(request) as query, self.server.watch(self, request):
            if insert:
                name = insert["format"].decode()
                query.insert(FORMAT.sub("", statement), name, body)
                self.send_whole(query, b"", name)
                return
            named = FORMAT.search(statement)
            name = named[1] if named else request.format
            with closing(query.run(statement, name, request.whole)) as parts:
                self.send_parts(query, name, parts)

    def meet(self, fault, body):
        if fault.kind == "refuse":
            raise Cut
        if fault.kind == "delay":
            time.sleep(fault.seconds)
        if fault.kind == "error":
            raise Refused.new(fault.code, "ORDERED_BY_A_TEST", "a fault that a test ordered")

    def send_parts(self, query, name, parts):
        first, second = next(parts, b""), next(parts, None)
        if second is None:
            return self.send_whole(query, first, name)
        self.tag = secrets.token_hex(8)
        self.send_response(200)
        self.about(query, name)
        self.send_header("X-ClickHouse-Exception-Tag", self.tag)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.sent_headers = True
        self.send_chunk(first)
        if self.cut_after:
            raise Cut
        self.send_chunk(second)
        for part in parts:
            self.send_chunk(part)
        self.send_chunk(b"")

    def send_chunk(self, data):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def send_whole(self, query, data, name):
        if self.cut_after:
            raise Cut
        self.send_response(200)
        self.about(query, name)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def about(self, query, name):
        numbers = {
            "read_rows": query.read_rows,
            "written_rows": query.written_rows,
            "written_bytes": query.written_bytes,
        }
        summary = json.dumps({name: str(number) for name, number in numbers.items()})
        self.send_header("Content-Type", formats.content_type(name))
        self.send_header("X-ClickHouse-Summary", summary)
        self.send_header("X-ClickHouse-Query-Id", query.id)
        self.send_header("X-ClickHouse-Format", name)
        self.send_header("X-ClickHouse-Timezone", "UTC")

    def reply(self, data, kind="text/plain; charset=UTF-8", status=200, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def refuse(self, refused, body):
        text = refused.text
        if "(version " not in text:
            text += f" (version {self.server.engine.version})"
        text = text.encode() + b"\n"
        if self.sent_headers:
            tag = self.tag.encode()
            marked = b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n"
            self.send_chunk(marked % (tag, text, len(text), tag))
            raise Cut
        drain(body)
        headers = [("X-ClickHouse-Exception-Code", str(refused.code)), ("X-ClickHouse-Query-Id", self.query_id)]
        self.reply(text, status=STATUS.get(refused.code, 500), headers=headers)

    def body(self):
        """The parts of the body, as they come."""
        parts = self.raw_body()
        encoding = self.headers.get("Content-Encoding", "").lower()
        if encoding in ("gzip", "deflate"):
            # Both kinds, told apart by how they begin.
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
            parts = (unpacker.decompress(part) for part in parts)
        return parts

    def raw_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield from self.exactly(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self.exactly(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def exactly(self, size):
        while size:
            part = self.rfile.read(min(size, 1 << 20))
            if not part:
                raise Cut
            size -= len(part)
            yield part

    def cut(self):
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def drain(body):
    for _ in body:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256

    def __init__(self, address, engine):
        super().__init__(address, Handler)
        self.engine = engine
        self.faults = Faults()
        self.watched = {}
        threading.Thread(target=self.kill_abandoned, daemon=True).start()

    def handle_error(self, request, client_address):
        # Whoever hangs up is no error of the front.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def watch(self, handler, request):
        return Watch(self, handler, request)

    def kill_abandoned(self):
        """Ends queries whose callers are gone, for those who asked for that."""
        while True:
            time.sleep(0.05)
            for query_id, connection in list(self.watched.items()):
                if gone(connection) and self.watched.pop(query_id, None):
                    self.engine.kill(query_id)


class Watch:
    def __init__(self, server, handler, request):
        self.watched = server.watched
        self.connection = handler.connection
        self.id = request.query_id if request.settings.get(CANCELS) == "1" else None

    def __enter__(self):
        if self.id:
            self.watched[self.id] = self.connection

    def __exit__(self, *_):
        self.watched.pop(self.id, None)


def gone(connection):
    try:
        # Not `select`, which knows no more than 1,024 files.
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0)) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--data", help="a folder that outlives the front")
    parser.add_argument("--stay", action="store_true", help="go on when standard input ends")
    options = parser.parse_args()

    folder = options.data or tempfile.mkdtemp(prefix="chfront-")

    def end(*_):
        # Merges that still run may put a file back.
        for _ in range(0 if options.data else 100):
            if os.path.exists(folder):
                shutil.rmtree(folder, ignore_errors=True)
        # Threads may be in the engine, which does not like to be taken apart under them.
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    server = Server(("127.0.0.1", options.port), Engine(folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    while options.stay or sys.stdin.buffer.readline():
        if options.stay:
            signal.pause()
    end()


main()
