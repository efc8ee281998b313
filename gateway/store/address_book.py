"""The address book in SQLite: run inside a transaction, or on the reading connection."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.addresses import Contact, Edit, Group, Membership, Wanted
from gateway.model import Page
from gateway.store.db import Db

_CONTACT = "key, created, modified, properties, metadata"
_GROUP = "key, created, modified, name, color, (SELECT COUNT(*) FROM membership WHERE label = label.key)"
_MEMBERSHIP = "membership.key, membership.created, membership.contact, membership.label"
_OWN = "FROM membership JOIN contact ON contact.key = membership.contact WHERE contact.account = ?"

_HAS = (
    "EXISTS (SELECT 1 FROM membership JOIN label ON label.key = membership.label"
    " WHERE membership.contact = contact.key AND {})"
)
_BOTH_OWN = (
    "SELECT 1 FROM contact, label WHERE contact.key = ? AND contact.account = ? AND label.key = ? AND label.account = ?"
)


def contacts(db: Db, account: str, wanted: Wanted, page: Page) -> tuple[tuple[Contact, ...], int]:
    """A page of an account's contacts in the order of their keys, and how many are wanted."""
    terms, values = ["account = ?"], [account]
    for label in wanted.labels:
        terms.append(_HAS.format("label.name = ?"))
        values.append(label)
    if wanted.group is not None:
        terms.append(_HAS.format("label.key = ?"))
        values.append(str(wanted.group))
    # Compared here rather than by paths of JSON, in which a name may mean something else.
    found: dict[tuple[str, str, str | None], str] = {
        ("metadata", name, about): value for (name, about), value in wanted.metadata.items()
    }
    found.update({("properties", name, None): value for name, value in wanted.properties.items()})
    where = f"FROM contact WHERE {' AND '.join(terms)}"
    order = "DESC" if page.descending else "ASC"
    if not found:
        (total,) = db.execute(f"SELECT COUNT(*) {where}", values).fetchone()
        rows = db.execute(
            f"SELECT {_CONTACT} {where} ORDER BY key {order} LIMIT ? OFFSET ?", (*values, page.limit, page.start)
        ).fetchall()
        return tuple([_contact(db, row) for row in rows]), total
    matching = [
        row for row in db.execute(f"SELECT {_CONTACT} {where} ORDER BY key {order}", values) if _fits(row, found)
    ]
    return tuple([_contact(db, row) for row in matching[page.start : page.start + page.limit]]), len(matching)


def _fits(row: tuple[Any, ...], found: Mapping[tuple[str, str, str | None], str]) -> bool:
    texts = {"properties": json.loads(row[3]), "metadata": json.loads(row[4])}
    return all(
        (texts[kind].get(name) if about is None else texts[kind].get(name, {}).get(about)) == value
        for (kind, name, about), value in found.items()
    )


def contact(db: Db, account: str, key: int) -> Contact | None:
    """A contact by its key."""
    row = db.execute(f"SELECT {_CONTACT} FROM contact WHERE key = ? AND account = ?", (key, account)).fetchone()
    return None if row is None else _contact(db, row)


def add(db: Db, account: str, edits: Iterable[Edit], now: int) -> list[Contact]:
    """New contacts, in their order."""
    made = []
    for edit in edits:
        row = db.execute(
            f"INSERT INTO contact (account, created, modified, properties, metadata) VALUES (?,?,?,'{{}}','{{}}')"
            f" RETURNING {_CONTACT}",
            (account, now, now),
        ).fetchone()
        made.append(_edited(db, account, _contact(db, row), edit, now))
    return made


def edit(db: Db, account: str, key: int, change: Edit, now: int) -> Contact | None:
    """The contact as it is after a change; None where there is none."""
    found = contact(db, account, key)
    return None if found is None else _edited(db, account, found, change, now)


def _edited(db: Db, account: str, found: Contact, change: Edit, now: int) -> Contact:
    properties = _merged({} if change.whole else found.properties, change.properties)
    metadata: dict[str, Any] = {} if change.whole else {name: dict(of) for name, of in found.metadata.items()}
    for name, of in change.metadata.items():
        metadata[name] = {} if of is None else _merged(metadata.get(name, {}), of)
    metadata = {name: of for name, of in metadata.items() if of}
    db.execute(
        "UPDATE contact SET modified = ?, properties = ?, metadata = ? WHERE key = ?",
        (now, json.dumps(properties), json.dumps(metadata), found.key),
    )
    if change.labels is not None:
        db.execute("DELETE FROM membership WHERE contact = ?", (found.key,))
        for name in dict.fromkeys(change.labels):
            join(db, account, [(found.key, _labelled(db, account, name, now))], now)
    labels = _labels(db, found.key)
    return Contact(found.key, found.created, now, properties, metadata, labels)


def _merged(old: Mapping[str, str], new: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**old, **new}
    return {name: value for name, value in merged.items() if value is not None}


def remove(db: Db, account: str, key: int) -> Contact | None:
    """Forget a contact, and that it is in any group; returns what it was."""
    found = contact(db, account, key)
    if found is not None:
        db.execute("DELETE FROM membership WHERE contact = ?", (key,))
        db.execute("DELETE FROM contact WHERE key = ?", (key,))
    return found


def groups(db: Db, account: str, contact_key: int | None = None) -> list[Group]:
    """An account's groups in the order of their keys, or those that a contact is in."""
    term, values = "", [account]
    if contact_key is not None:
        term = " AND key IN (SELECT label FROM membership WHERE contact = ?)"
        values.append(str(contact_key))
    return [
        Group(*row) for row in db.execute(f"SELECT {_GROUP} FROM label WHERE account = ?{term} ORDER BY key", values)
    ]


def group(db: Db, account: str, key: int) -> Group | None:
    """A group by its key."""
    row = db.execute(f"SELECT {_GROUP} FROM label WHERE key = ? AND account = ?", (key, account)).fetchone()
    return None if row is None else Group(*row)


def save_group(db: Db, account: str, key: int | None, name: str, color: str | None, now: int) -> Group | None:
    """Make a group, or with a key change it. None where there is none, or another one has the name."""
    taken = db.execute("SELECT key FROM label WHERE account = ? AND name = ?", (account, name)).fetchone()
    if taken is not None and taken[0] != key:
        return None
    if key is None:
        row = db.execute(
            "INSERT INTO label (account, created, modified, name, color) VALUES (?,?,?,?,?) RETURNING key",
            (account, now, now, name, color),
        ).fetchone()
        key = int(row[0])
    else:
        db.execute(
            "UPDATE label SET name = ?, color = ?, modified = ? WHERE key = ? AND account = ?",
            (name, color, now, key, account),
        )
    return group(db, account, key)


def remove_group(db: Db, account: str, key: int) -> Group | None:
    """Forget a group; its contacts stay. Returns what it was."""
    found = group(db, account, key)
    if found is not None:
        db.execute("DELETE FROM membership WHERE label = ?", (key,))
        db.execute("DELETE FROM label WHERE key = ?", (key,))
    return found


def labelled(db: Db, account: str, name: str) -> int | None:
    """The key of a label."""
    row = db.execute("SELECT key FROM label WHERE account = ? AND name = ?", (account, name)).fetchone()
    return None if row is None else int(row[0])


def label(db: Db, account: str, name: str, keys: Sequence[int], now: int) -> list[Contact]:
    """Put a label on contacts; returns those that there are."""
    of = _labelled(db, account, name, now)
    there = [key for key in keys if contact(db, account, key) is not None]
    join(db, account, [(key, of) for key in there], now)
    return [found for key in there if (found := contact(db, account, key)) is not None]


def _labelled(db: Db, account: str, name: str, now: int) -> int:
    key = labelled(db, account, name)
    if key is None:
        made = save_group(db, account, None, name, None, now)
        key = made.key if made is not None else 0
    return key


def memberships(db: Db, account: str, contact_key: int | None, group_key: int | None) -> list[Membership]:
    """Who is in which group: all, of a contact, or of a group."""
    terms, values = "", [account]
    for column, value in (("contact", contact_key), ("label", group_key)):
        if value is not None:
            terms += f" AND membership.{column} = ?"
            values.append(str(value))
    rows = db.execute(f"SELECT {_MEMBERSHIP} {_OWN}{terms} ORDER BY membership.key", values)
    return [Membership(*row) for row in rows]


def membership(db: Db, account: str, key: int) -> Membership | None:
    """A membership by its key."""
    row = db.execute(f"SELECT {_MEMBERSHIP} {_OWN} AND membership.key = ?", (account, key)).fetchone()
    return None if row is None else Membership(*row)


def join(db: Db, account: str, pairs: Sequence[tuple[int, int]], now: int) -> list[Membership | None]:
    """Put contacts into groups, by their keys; where one of a pair is not the account's, None."""
    made: list[Membership | None] = []
    for contact_key, group_key in pairs:
        own = db.execute(_BOTH_OWN, (contact_key, account, group_key, account)).fetchone()
        if own is None:
            made.append(None)
            continue
        db.execute(
            "INSERT INTO membership (created, contact, label) VALUES (?,?,?) ON CONFLICT DO NOTHING",
            (now, contact_key, group_key),
        )
        row = db.execute(
            f"SELECT {_MEMBERSHIP} FROM membership WHERE contact = ? AND label = ?", (contact_key, group_key)
        ).fetchone()
        made.append(Membership(*row))
    return made


def leave(db: Db, account: str, key: int) -> Membership | None:
    """Take a contact out of a group; returns what it was."""
    found = membership(db, account, key)
    if found is not None:
        db.execute("DELETE FROM membership WHERE key = ?", (key,))
    return found


def _contact(db: Db, row: tuple[Any, ...]) -> Contact:
    key, created, modified, properties, metadata = row
    return Contact(key, created, modified, json.loads(properties), json.loads(metadata), _labels(db, key))


def _labels(db: Db, key: int) -> tuple[str, ...]:
    rows = db.execute(
        "SELECT name FROM membership JOIN label ON label.key = membership.label WHERE contact = ? ORDER BY name", (key,)
    )
    return tuple([name for (name,) in rows])
