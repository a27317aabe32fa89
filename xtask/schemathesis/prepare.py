"""Fills a fresh server, and prints the credentials and ids that a run needs, as JSON."""

import json
import sys
import time

import requests

base, client_id, secret = sys.argv[1:]


def call(method, path, body=None, credentials=(client_id, secret)):
    reply = requests.request(method, base + path, json=body, auth=credentials, timeout=10)
    reply.raise_for_status()
    return reply.json()


def client(name, kind, project="shop"):
    body = {"name": name, "type": kind, "projectId": project}
    made = call("POST", "/manage/clients", body)["data"]
    return made["id"], made["secret"]


call("POST", "/manage/projects", {"name": "Shop", "types": ["website"]})
call("POST", "/manage/projects", {"name": "Doomed"})
reference = {"projectId": "shop", "title": "Launch", "datetime": "2026-01-01"}
call("POST", "/manage/references", reference)

# A root client of a project: Track asks all others for one.
clients = {kind: client(kind, kind) for kind in ["root", "read", "write"]}

for payload in [
    {"type": "identify", "payload": {"profileId": "ada", "email": "ada@shop.example"}},
    {"type": "group", "payload": {"id": "acme", "type": "company", "name": "Acme"}},
    {"type": "assign_group", "payload": {"profileId": "ada", "groupIds": ["acme"]}},
] + [
    {
        "type": "track",
        "payload": {
            "name": "screen_view",
            "profileId": "ada",
            "properties": {"__path": f"https://shop.example/{page}", "plan": "pro"},
        },
    }
    for page in range(5)
]:
    call("POST", "/track", payload, clients["write"])

count = "/v1/events/count?project_id=shop"
until = time.monotonic() + 60
while call("GET", count)["count"] < 5:
    if time.monotonic() > until:
        sys.exit("the events do not show")
    time.sleep(0.1)

print(
    json.dumps(
        {
            "clients": clients,
            "environment": {
                "DOOMED_CLIENT": client("Doomed", "read")[0],
                "SPARE_CLIENT": client("Spare", "write")[0],
            },
        }
    )
)
