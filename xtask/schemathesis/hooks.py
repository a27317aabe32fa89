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
            "^must be within a day of now$",
            "^must not be before 2000-01-01",
            "^must not be more than a (day|year) in the future$",
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
            "^must be the letter of an item that stands before it",
            # What a client is for, and how much of a rate the operator allows.
            "^is required for read and write clients$",
            "^can only be true for write clients$",
            "^has too large a limit or window$",
        ]
    )
)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    problems = response.json().get("details", [])
    return not problems or not all(RELATIONS.search(problem["message"]) for problem in problems)
