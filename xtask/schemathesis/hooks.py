"""What a schema cannot say.

Every request that fits the schemas must be accepted. But some values must fit one another, and
some only the server can know; a 400 that says nothing else than that is right.
"""

import re

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

RELATIONS = re.compile(
    "|".join(
        [
            # Between the two ends of a window, and with the time that it is.
            "^must not be before the start$",
            "^must not be in the future$",
            "^must be in the future$",
            "^must be at most a day away from now$",
            "^must not be before 2000-01-01",
            "^must not be more than a (day|year) in the future$",
            "^makes (more|formulas take more) than [0-9]+ (points|steps) ",
            # Between parameters.
            "^must not be given beside ",
            '^is required when mode is "between"$',
            "^is required, or project_id$",
            "^must not be given twice$",
            "^must be one of at most [0-9]+ filters in all$",
            "^must be at most [0-9]+ regular expressions of ",
            # How much a profile has already.
            "^must leave the profile at most ",
            # Only the server knows its own cursors.
            "^must be a nextCursor of ",
            # Languages of their own.
            "^must be a (smaller )?regular expression",
            "^must be a formula",
            "^must be made of (items|finite numbers)",
            "^must have brackets behind the name of a function$",
            "^must not be nested deeper than [0-9]+ levels$",
            "^must (be the letter of|name) an item that stands before it",
            # What a client is for, and how much of a rate the operator allows.
            "^is required for read and write clients$",
            "^can only be true for write clients$",
            "^has too large a limit or window$",
        ]
    )
)


# Longer ones are no HTTP for the framework, which answers before there is a request.
LONGEST_URL = 65_534


def value_at(body, path):
    """What stands at a path of a body; `None` where there is nothing, as in a query's problem."""
    try:
        for step in path:
            body = body[step]
    except (KeyError, IndexError, TypeError):
        return None
    return body


def is_excused(problem, case):
    # To a schema `30.0` is a whole number; to Manage it is not.
    if problem["message"].startswith("must be a whole number"):
        return isinstance(value_at(case.body, problem["path"]), float)
    return bool(RELATIONS.search(problem["message"]))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if response.status_code != 400:
        return True
    if len(response.request.path_url) > LONGEST_URL:
        return False
    if not isinstance(failure, RejectedPositiveData):
        return True
    problems = response.json().get("details", [])
    return not problems or not all(is_excused(problem, case) for problem in problems)
