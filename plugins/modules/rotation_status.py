#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_status
short_description: Tell the state of the secrets
description:
  - Prints which credential each copy and each consumer holds, which credentials still work, whether somebody has
    changed a copy by hand, what is unfinished, and the command to go on with.
  - Changes nothing.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  only:
    description: Names of the secrets to tell about; a list, or names with commas between. Without it, all of them.
    type: raw
  where:
    description: Pick secrets by V(store), V(connection), V(consumer), V(owner) or V(environment).
    type: dict
  fail_on:
    description:
      - Fail, after everything is told, when a secret is in one of these conditions. A list, or names with commas.
      - V(held), V(dead), V(drifted), V(overdue), V(left_alive), V(unreachable), V(awaiting_value), V(unfinished) and
        V(unknown) can be named.
      - A ledger that is lost, or another one than was meant, shows in nothing but V(unknown).
      - The playbook takes them as V(status_fail_on).
    type: raw
"""

EXAMPLES = r"""
- name: Where is the token?
  rotor.secrets.rotation_status:
    only: [FLY_API_TOKEN]

- name: Go red where a person is needed
  rotor.secrets.rotation_status:
    fail_on: [held, dead, drifted, overdue, left_alive, unknown]
"""

RETURN = r"""
schema_version:
  description:
    - The version of this layout. It is raised when a key is renamed, removed, or means something else.
    - C(docs/status.schema.json) in the collection is its JSON Schema.
  type: int
  returned: always
  sample: 1
secrets:
  description:
    - The secrets that were picked. What is not known is null.
    - Where none was, also those that have left the map, as long as the ledger has credentials of theirs alive.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The secret's name.
      type: str
    state:
      description: The gravest of the conditions.
      type: str
      sample: up_to_date
    conditions:
      description:
        - Everything that is true of it, the gravest first.
        - V(dead) - what is in use is refused by its provider, or listed as ended.
        - V(drifted) - somebody has changed a copy, or deleted it.
        - V(held) - the last run could not go on.
        - V(overdue) - the current credential is older than C(max_age), or its provider is about to end it.
        - V(left_alive) - credentials live, or may, that no run ends. It has left the map, or nobody rotates it now.
        - V(unreachable) - a system that was asked has given no answer, so that nobody knows how things stand there.
        - V(awaiting_value) - it is due, and a person has yet to make the value.
        - V(due) - a new credential is wanted for another reason, such as a copy that is new in the map.
        - V(unfinished) - a rotation is under way.
        - V(resting) - it is due, but its last rotation was taken back, so a person has to name it.
        - V(awaiting_approval) - nothing but a person's yes stands before a revoke.
        - V(waiting) - the old credential has its grace.
        - V(unknown) - the ledger does not know what is in use.
        - V(unrotated) - its issuer is V(none), nobody rotates it here.
        - V(up_to_date) - none of these.
      type: list
      elements: str
    why:
      description: What the ledger says of it, in words.
      type: str
    asked_at:
      description: When the systems were asked. All times are UTC, as in V(2026-11-01T02:14:07Z).
      type: str
    age:
      description: Seconds since the current credential was made.
      type: int
    due_at:
      description: When the current credential is due, by C(max_age) or shortly before its provider ends it.
      type: str
    waits_until:
      description: The end of the old credential's grace.
      type: str
    approval:
      description: Which runs ask for a person's yes to a revoke; empty where none does.
      type: dict
      contains:
        since:
          description: When it was asked first.
          type: str
        runs:
          description: The runs that have asked.
          type: list
          elements: str
        command:
          description: How the yes is given.
          type: str
    waits_for_connections:
      description:
        - The connections that have yet to be opened with the new credential, before a run revokes the old one.
        - V(secret_ledger) is the ledger's own.
      type: list
      elements: str
    waits_for_release:
      description: The consumer that others have yet to release, where a rotation waits for that.
      type: str
    departed:
      description: Identities, such as login roles, that have left the entry, and that its provider still has.
      type: list
      elements: str
    held:
      description: Why the last run could not go on.
      type: dict
      contains:
        since:
          description: When it was held first.
          type: str
        at:
          description: When it was held last.
          type: str
        run:
          description: The run that was held last.
          type: str
        reason:
          description: The problem.
          type: str
    credentials:
      description: The credentials that are alive by the ledger.
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          type: str
        id:
          description: Its provider's id.
          type: str
        state:
          description: V(pending), V(current), V(previous) or V(abandoned).
          type: str
        origin:
          description: V(minted), V(adopted), or V(orphan) of a mint without an answer.
          type: str
        fingerprint:
          description: The ledger's keyed fingerprint of its value.
          type: str
        minted_at:
          description: When it was made.
          type: str
        accepted_at:
          description: When a rotation last saw its provider accept it.
          type: str
        closed_at:
          description: When it was proven everywhere.
          type: str
        life:
          description:
            - Whether it lives. C(is) says what was seen, such as V(accepted), V(refused), V(listed), V(listed_ended),
              V(unlisted) or V(not_revoked).
            - C(basis) says by whom - V(asked), its provider, now; V(recorded), this ledger, C(at) that time;
              V(unknown), nobody.
            - C(problem) is why it could not be asked.
          type: dict
    copies:
      description: The copies in the map.
      type: list
      elements: dict
      contains:
        name:
          description: Its name for people.
          type: str
        copy_id:
          description: Its name for C(rotate_forget).
          type: str
        keys:
          description: The keys that the map gives it.
          type: list
          elements: str
        credential:
          description: C(name) and C(id) of the credential that the ledger wrote to it.
          type: dict
        evidence:
          description: What the store gave as proof of that write. Never a value.
          type: dict
        at:
          description: When that was.
          type: str
        now:
          description:
            - How it compares now - V(unchanged), V(changed) or V(gone); V(in_doubt) where a write of ours has got no
              answer; V(unseen) where nobody has looked, as on hosts; V(unanswered).
          type: str
        problem:
          description: Why it could not be asked.
          type: str
    consumers:
      description: The consumers in the map.
      type: list
      elements: dict
      contains:
        name:
          description: Its name in C(secret_consumers).
          type: str
        credential:
          description: C(name) and C(id) of the credential that it was reloaded on.
          type: dict
        evidence:
          description: What the consumer gave as proof of that.
          type: dict
        at:
          description: When that was.
          type: str
        may_run_on:
          description: Credentials on which it may run, since a reload has got no answer.
          type: list
          elements: dict
connections:
  description: The connections whose system tells when it ends the credential that they are opened with.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: Its name in C(secret_connections).
      type: str
    expires_at:
      description: When its credential expires.
      type: str
freeze:
  description: Until when nothing is rotated or revoked; empty where nothing is frozen.
  type: dict
  returned: always
  contains:
    since:
      description: When it began.
      type: str
    until:
      description: When it ends.
      type: str
    by:
      description: By whose word.
      type: str
    reason:
      description: Why.
      type: str
"""
