"""Statements on ClickHouse's engine, each on a connection of its own, so that none inherits settings.

What of ClickHouse's server this is not: it has no users but those of the front, no `system.query_log`
and no other server; everything else is the engine itself.
"""

import re
import threading

from chdb import connect

import formats

# At most this much memory for all statements together; more is refused with code 241.
MEMORY = 1_500_000_000

# `INSERT … FORMAT name`, behind which the rows are.
INSERT = re.compile(
    rb"""\s*INSERT\s+INTO\s+(?:TABLE\s+)?[\w.`"]+\s*(?:\([^()]*\)\s*)?(?:SETTINGS\s[^()]*?\s)?"""
    rb"""FORMAT\s+(?P<format>\w+)(?:\s*;?\s*\Z|[ \t\r]*\n|[ \t]+)""",
    re.I,
)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)(?:\s+SETTINGS\s[^()]*)?\s*;?\s*$", re.I)
SELECT = re.compile(r"[\s(]*(SELECT|WITH)\b", re.I)
# Statements that know queries by the id that the caller gave.
KILL = re.compile(r"\s*KILL\s+QUERY\s+WHERE\b(.*?)(?:\b(?:SYNC|ASYNC))?\s*;?\s*$", re.I | re.S)
BY_ID = re.compile(r"\s*KILL\s+QUERY\b|.*\bsystem\.processes\b", re.I | re.S)


class Refused(Exception):
    """An exception of ClickHouse, with its code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code
        self.text = text

    @classmethod
    def new(cls, code, name, text):
        return cls(code, f"Code: {code}. DB::Exception: {text} ({name})")

    @classmethod
    def of(cls, error):
        found = re.search(r"Code: (\d+)\..*", str(error), re.S)
        if not found:
            return cls.new(1000, "UNKNOWN_EXCEPTION", str(error))
        return cls(int(found[1]), found[0].strip())


class Engine:
    def __init__(self, folder):
        # The folder goes with the last connection; this one stays.
        self.folder = folder
        self.first = connect(f"{folder}?max_server_memory_usage={MEMORY}")
        self.version = str(self.first.query("SELECT version()", "TSV")).strip()
        self.running = set()
        # Those that somebody ended: of an insert, the engine as a library does not tell.
        self.killed = set()
        self.lock = threading.Lock()

    def query(self, request):
        return Query(self, request)

    def kill(self, query_id):
        """Ends a query. The engine makes up ids, so the caller's is in the comment for its log."""
        with_comment = f"Settings['log_comment'] = {quoted(query_id)}"
        connection = connect(self.folder)
        try:
            connection.query(f"KILL QUERY WHERE {with_comment}")
        finally:
            connection.close()


class Query:
    """One statement while it runs; a context that gives everything back."""

    def __init__(self, engine, request):
        self.engine = engine
        self.id = request.query_id
        self.request = request
        self.read_rows = self.written_rows = self.written_bytes = 0

    def __enter__(self):
        engine = self.engine
        with engine.lock:
            if self.id in engine.running:
                raise Refused.new(
                    216,
                    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                    f"Query with id = {self.id} is already running.",
                )
            engine.running.add(self.id)
        self.connection = None
        try:
            self.connection = connect(engine.folder)
            self.connection.query(self.preamble())
        except RuntimeError as error:
            self.__exit__()
            raise Refused.of(error) from None
        return self

    def __exit__(self, *_):
        if self.connection is not None:
            self.connection.close()
        with self.engine.lock:
            self.engine.running.discard(self.id)
            self.engine.killed.discard(self.id)

    def preamble(self):
        # The engine as a library lets one leave out SELECT; the server does not.
        settings = {"implicit_select": "0", "log_comment": self.id} | self.request.settings
        # What makes it read-only forbids all later changes.
        settings = sorted(settings.items(), key=lambda setting: setting[0] == "readonly")
        settings = ", ".join(f"{name} = {quoted(value)}" for name, value in settings)
        return f"USE {identifier(self.request.database)}; SET {settings}"

    def insert(self, statement, name, rows):
        """Inserts rows that come in parts, all or (up to `max_insert_block_size`) nothing."""
        stream = None
        try:
            stream = self.connection.send_insert(statement, name)
            for part in rows:
                stream.append(part)
            done = stream.finish()
        except RuntimeError as error:
            raise Refused.of(error) from None
        finally:
            # After `finish` this does nothing.
            if stream is not None:
                stream.cancel()
        if self.id in self.engine.killed:
            raise Refused.new(394, "QUERY_WAS_CANCELLED", "Query was cancelled")
        self.written_rows, self.written_bytes = done.rows_written, done.bytes_written

    def run(self, statement, name, whole):
        """The parts of the result; in one if it must be whole."""
        if BY_ID.match(statement):
            statement = re.sub(r"\bquery_id\b", "Settings['log_comment']", statement)
        params = self.request.params
        try:
            if kill := KILL.match(statement):
                killed = f"SELECT Settings['log_comment'] FROM system.processes WHERE {kill[1]}"
                killed = self.connection.query(killed, "TSV", params=params).bytes() or b""
                with self.engine.lock:
                    self.engine.killed |= self.engine.running & set(killed.decode().split("\n"))
            kind = self.connection._conn.classify_query(statement)
            if kind["statement_count"] > 1:
                raise Refused.new(62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
            in_parts = name in formats.JOINED | formats.HEADED and SELECT.match(statement)
            if whole or not in_parts:
                result = self.connection.query(statement, name, params=params)
                self.written_rows, self.written_bytes = result.rows_written(), result.bytes_written()
                self.read_rows = result.storage_rows_read()
                yield bytes(result.bytes() or b"")
                return
            parts = self.connection.send_query(statement, name, params=params)
            with parts:
                first = next(parts, None)
                if first is None:
                    # Without rows there is no part, and so no header.
                    if name in formats.HEADED:
                        yield self.connection.query(statement, name, params=params).bytes()
                    return

                def rest():
                    yield first.bytes()
                    for part in parts:
                        yield part.bytes()

                yield from formats.joined(name, rest())
        except RuntimeError as error:
            raise Refused.of(error) from None


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name):
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
