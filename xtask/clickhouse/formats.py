"""What formats look like in parts: the engine writes each part of a result as a result of its own."""

# Parts of these are simply joined.
JOINED = {
    "CSV",
    "JSONCompactEachRow",
    "JSONEachRow",
    "Native",
    "RowBinary",
    "TabSeparated",
    "TabSeparatedRaw",
    "TSV",
    "TSVRaw",
}
# Parts of these begin with names, types or a schema, which only the first may have.
HEADED = {"ArrowStream", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes"}
END_OF_ARROW = b"\xff\xff\xff\xff\0\0\0\0"

CONTENT_TYPES = {
    "ArrowStream": "application/vnd.apache.arrow.stream",
    "CSV": "text/csv; charset=UTF-8",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Parquet": "application/octet-stream",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
}


def content_type(name):
    binary = name.startswith("RowBinary") or name == "Native"
    other = "application/octet-stream" if binary else "text/plain; charset=UTF-8"
    return CONTENT_TYPES.get(name, other)


def joined(name, parts):
    """The bytes of one result, part by part."""
    if name in JOINED:
        yield from parts
    elif name == "ArrowStream":
        header = None
        for part in parts:
            part = part.removesuffix(END_OF_ARROW)
            if header is None:
                header = 8 + int.from_bytes(part[4:8], "little")
                yield part
            else:
                yield part[header:]
        yield END_OF_ARROW
    else:
        header = None
        for part in parts:
            if header is None:
                header = binary_header(part, 2 if name.endswith("Types") else 1)
                yield part
            else:
                yield part[header:]


def binary_header(part, lists):
    """The length of RowBinary's header: a number, and so many texts for each list."""
    columns, at = variable_integer(part, 0)
    for _ in range(columns * lists):
        length, at = variable_integer(part, at)
        at += length
    return at


def variable_integer(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
