"""Asking a running gateway for its queue, and telling it what to do, over its internal listener."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from gateway.cli.options import read_settings
from gateway.cli.output import ExitCode, fail, say, show_json, show_table
from gateway.cli.reach import Answer, NoAnswer, ask, url_of
from gateway.operators import claim

PATIENCE = 300.0
"""Seconds until an answer must be there: a long queue is moved in many small steps."""
LOOK = 0.5
"""Seconds between two looks at a queue that is drained."""

_FLYING = ("sending", "polling")
_DONE = {
    "retry": "sent now",
    "release": "released",
    "cancel": "cancelled",
    "resolve": "resolved",
}


def order(queue_id: str | None, **narrowed: object) -> dict[str, str]:
    """What is meant, as the gateway wants to be told."""
    return {name: str(value) for name, value in {"id": queue_id, **narrowed}.items() if value is not None}


class RunningGateway:
    """The running gateway of a configuration. Ends the command where it cannot be reached or says no."""

    def __init__(self, config: Path | None, *, as_json: bool) -> None:
        """Read from the configuration where it listens for operations, and the token it wants."""
        listen = read_settings(config).listen
        self._url = url_of(listen.internal)
        self._token = None if listen.internal_token is None else listen.internal_token.get_secret_value()
        self._json = as_json

    def overview(self) -> None:
        """Print every upstream with what waits for it."""
        document = self._ask("/queue")
        if self._json:
            show_json(document)
            return
        show_table(
            ("Upstream", "State", "Dispatches", "Oldest accepted", "Note"),
            (row for upstream in document["upstreams"] for row in _rows(upstream)),
        )

    def listed(self, asked: Mapping[str, str | None]) -> None:
        """Print a page of dispatches."""
        query = {name: value for name, value in asked.items() if value is not None}
        document = self._ask(f"/queue/dispatches?{urlencode(query)}")
        if self._json:
            show_json(document)
            return
        if not document["dispatches"]:
            say("Nothing waits there.")
            return
        columns = ("id", "state", "upstream", "route", "messages", "attempts", "accepted", "due", "caller")
        show_table(
            [column.capitalize() for column in columns],
            ([row[column] for column in columns] for row in document["dispatches"]),
        )
        if document["next"]:
            say(f"There is more: --after {document['next']}")

    def shown(self, queue_id: str, *, full: bool) -> None:
        """Print the dispatches behind an id."""
        document = self._ask(f"/queue/dispatches/{quote(queue_id, safe='')}{'?full' if full else ''}")
        if self._json:
            show_json(document)
            return
        for dispatch in document["dispatches"]:
            _print(dispatch)

    def stop(self, verb: str, upstream: str, *, reason: str = "", dry_run: bool) -> None:
        """Pause or resume an upstream."""
        document = self._tell(verb, {"upstream": upstream, "reason": reason, "dry_run": dry_run})
        if self._json:
            show_json(document)
        elif dry_run:
            say(f"{upstream} would be {verb}d: {_waiting(document)}.")
        else:
            say(f"{upstream} is {'paused' if document['paused'] else 'resumed'}: {_waiting(document)}.")

    def drain(self, upstream: str, timeout: float, *, dry_run: bool) -> None:
        """Pause an upstream and wait until nothing of it is in flight."""
        if dry_run:
            self.stop("pause", upstream, dry_run=True)
            return
        document = self._tell("pause", {"upstream": upstream, "reason": "drained"})
        ends = time.monotonic() + timeout
        while (flying := _flying(document)) and time.monotonic() < ends:
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{flying} on the way to {upstream} ")
            time.sleep(LOOK)
            document = next(row for row in self._ask("/queue")["upstreams"] if row["name"] == upstream)
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        if self._json:
            show_json(document)
        if flying:
            fail(ExitCode.FINDINGS, f"{upstream} is paused, but {flying} of its dispatches are still on their way.")
        if not self._json:
            say(f"{upstream} is drained and stays paused: {_waiting(document)}.")

    def act(self, action: str, wanted: Mapping[str, str], *, yes: bool, dry_run: bool) -> None:
        """Do something with dispatches, after a look at what it would be."""
        document = self._tell(action, {**wanted, "dry_run": True})
        if not dry_run:
            _needs_yes(action, wanted, document, yes=yes)
            document = self._tell(action, wanted)
        if self._json:
            show_json(document)
        else:
            say(f"{'Would be ' if dry_run else ''}{_DONE[action]}: {_amount(document)}.".capitalize())

    def outboxes(self) -> None:
        """Print how much each caller is still to be posted, and how much was given up."""
        document = self._ask("/outbox")
        if self._json:
            show_json(document)
        elif document["callers"]:
            columns = ("caller", "waiting", "due", "given_up")
            show_table(
                ("Caller", "Waiting", "Next due", "Given up"),
                ([row[column] for column in columns] for row in document["callers"]),
            )
        else:
            say("Nothing waits to be posted, and nothing was given up.")

    def posts(self, asked: Mapping[str, str | None]) -> None:
        """Print a page of what was given up."""
        query = {name: value for name, value in asked.items() if value is not None}
        document = self._ask(f"/outbox/given-up?{urlencode(query)}")
        if self._json:
            show_json(document)
            return
        if not document["posts"]:
            say("Nothing was given up.")
            return
        columns = ("post", "caller", "kind", "of", "code", "attempts", "since")
        show_table(
            [column.capitalize() for column in columns],
            ([row[column] for column in columns] for row in document["posts"]),
        )
        if document["next"]:
            say(f"There is more: --after {document['next']}")

    def move_posts(self, verb: str, post: int | None, caller: str | None, *, every: bool, dry_run: bool) -> None:
        """Post again what was given up, or forget it."""
        wanted = {"post": post, "caller": caller, "all": every or None}
        named = {name: value for name, value in wanted.items() if value is not None}
        document = self._ask(f"/outbox/{verb}", {**named, "dry_run": dry_run})
        if self._json:
            show_json(document)
            return
        done = "posted again" if verb == "retry" else "forgotten"
        posts = _counted(document["posts"], "post", "s")
        say(f"{'Would be ' if dry_run else ''}{done}: {posts}.".capitalize())

    def erase(self, order: Mapping[str, object], *, yes: bool, dry_run: bool) -> None:
        """Erase a number, after a look at what it would be."""
        document = self._ask("/erase", {**order, "dry_run": dry_run or not yes})
        if self._json:
            show_json(document)
        else:
            _print_erased(document)
        if not (yes or dry_run) and any(document["erased"].values()):
            fail(ExitCode.FINDINGS, "Nothing was erased yet. Add --yes to do it, for good.")
        if document["left"]:
            sentence = "came in or were to be sent meanwhile, and still hold the number: run it again"
            fail(ExitCode.FINDINGS, f"{_counted(document['left'], 'row', 's')} {sentence}.")

    def reload(self, *, dry_run: bool) -> ExitCode:
        """Put the configuration of the file in place, or only tell what would change; whether anything differs."""
        document = self._ask("/reload", {"dry_run": dry_run})
        changes = document["changes"]
        if self._json:
            show_json(document)
        elif changes:
            _print_changes(changes)
        else:
            say("The running gateway does what the file says.")
        return ExitCode.FINDINGS if changes and dry_run else ExitCode.OK

    def _tell(self, verb: str, document: Mapping[str, object]) -> dict[str, Any]:
        return self._ask(f"/queue/{verb}", document)

    def _ask(self, path: str, document: object = None) -> dict[str, Any]:
        try:
            answer = ask(f"{self._url}{path}", key=self._token, document=document, timeout=PATIENCE, operator=claim())
        except NoAnswer as error:
            fail(ExitCode.UNREACHABLE, f"{error}. Is the gateway running, with this configuration?")
        found = answer.json()
        if answer.status != 200 or not isinstance(found, dict):
            _refused(answer, found)
        return found


def _refused(answer: Answer, document: Any) -> NoReturn:
    sentence = document.get("error") if isinstance(document, dict) else None
    if isinstance(document, dict) and "problems" in document:
        fail(ExitCode.USAGE, *document["problems"], "The gateway goes on with the configuration that it has.")
    code = ExitCode.USAGE if answer.status in {401, 403} else ExitCode.FINDINGS
    fail(code, f"{sentence or f'Something else than a gateway answers there (HTTP {answer.status})'}.")


def _needs_yes(action: str, wanted: Mapping[str, str], would: Mapping[str, Any], *, yes: bool) -> None:
    amount = _amount(would)
    if yes or not would["dispatches"]:
        return
    if action == "retry" and would["unknown"]:
        fail(
            ExitCode.FINDINGS,
            f"{amount} would be sent, {would['unknown']} of the former perhaps for the second time:"
            " nobody knows whether they arrived. Add --yes to send them all the same.",
        )
    if action in {"cancel", "resolve"} and "id" not in wanted:
        fail(ExitCode.FINDINGS, f"{amount} would be {_DONE[action]}, for good. Add --yes to do it.")


_WHERE = {
    "messages": "Messages to it",
    "incoming": "Messages from it",
    "conversations": "Entries of conversations",
    "contacts": "Contacts",
    "texts": "Rows that mention it",
    "passcodes": "Two-factor codes",
    "idempotency": "Idempotency keys",
    "senders": "Registered senders",
    "blacklist": "Blacklist entries",
}


def _print_erased(document: Mapping[str, Any]) -> None:
    erased = document["erased"]
    show_table(
        ("Where", "Would be erased" if document["dry_run"] else "Erased"),
        ((words, erased[name]) for name, words in _WHERE.items()),
    )
    for amount, sentence in (
        (document["waiting"], "still to be sent, which stops it unless --cancel is given"),
        (document["busy"], "on the way or unknown, which stops it until that has ended"),
    ):
        if document["dry_run"] and amount:
            say(f"{_counted(amount, 'message', 's')} to it {'is' if amount == 1 else 'are'} {sentence}.")
    if erased["blacklist_kept"]:
        say("It stays on blacklists, so that nothing is sent to it again; --blacklist takes it off.")
    if not document["dry_run"] and not document["scrubbed"]:
        say("The database's files were not written anew: unused parts of them may still hold it.")


def _print_changes(changes: list[dict[str, Any]]) -> None:
    show_table(
        ("Key", "Running", "File", ""),
        (
            (row["path"], row["before"], row["after"], "at the next start" if row["at_next_start"] else None)
            for row in changes
        ),
    )


def _amount(document: Mapping[str, Any]) -> str:
    return f"{_counted(document['dispatches'], 'dispatch', 'es')} with {_counted(document['messages'], 'message', 's')}"


def _counted(count: int, word: str, plural: str) -> str:
    return f"{count} {word}{'' if count == 1 else plural}"


def _rows(upstream: dict[str, Any]) -> list[tuple[Any, ...]]:
    notes = [
        note
        for is_so, note in (
            (not upstream["configured"], "not in the configuration: nobody sends this"),
            (
                upstream["paused"],
                "paused since {since} {reason}".format(**upstream["paused"] or {"since": "", "reason": ""}),
            ),
            (upstream["refused"], "rests: it refuses the gateway's credentials"),
            (upstream["unreachable"], "cannot be reached: tried now and then"),
        )
        if is_so
    ]
    states = upstream["states"] or {"-": {"dispatches": 0, "oldest": None}}
    return [
        (upstream["name"], state, found["dispatches"], found["oldest"], "; ".join(notes).strip())
        for state, found in states.items()
    ]


def _flying(upstream: dict[str, Any]) -> int:
    return sum(found["dispatches"] for state, found in upstream["states"].items() if state in _FLYING)


def _waiting(upstream: dict[str, Any]) -> str:
    told = [f"{found['dispatches']} {state}" for state, found in upstream["states"].items()]
    return f"{', '.join(told)} there" if told else "nothing waits there"


def _print(dispatch: dict[str, Any]) -> None:
    say("Dispatch {id} of batch {batch}: {state}, to {upstream} by route {route}.".format(**dispatch))
    say("Accepted {accepted} from {caller} over {face}; attempts: {attempts}.".format(**dispatch))
    if dispatch["due"]:
        say("Something happens next at {due}.".format(**dispatch))
    if dispatch["upstream_ref"]:
        say("The upstream calls it {upstream_ref}.".format(**dispatch))
    show_table(
        ("Message", "Recipient", "Since", "Status"),
        (
            (row["number"], row["recipient"], row["since"], "{code} {name}".format(**row))
            for row in dispatch["recipients"]
        ),
    )
    if len(dispatch["recipients"]) < dispatch["messages"]:
        say(f"The first {len(dispatch['recipients'])} of {dispatch['messages']} messages are listed.")
    show_table(
        ("Time", "Status of the first", "Raw code", "Raw text", "Upstream"),
        (
            (row["time"], "{code} {name}".format(**row), row["raw_code"], row["raw_text"], row["upstream"])
            for row in dispatch["statuses"]
        ),
    )
    say(f"You can: {', '.join(dispatch['can']) or 'do nothing with it any more'}.")
