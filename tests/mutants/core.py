# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of what all providers share: the HTTP client, key APIs, ways through other hosts."""

from __future__ import annotations

from tests.mutants.mutant import CORE, Mutant

HTTP = "core/test_http"
WIRE = "core/test_wire"


def http(safeguard: str, text: str, instead: str, *tests: str) -> Mutant:
    return Mutant(safeguard, f"{CORE}/http/client", text, instead, (HTTP, WIRE, *tests))


def wire(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, f"{CORE}/http/wire", text, instead, (WIRE,))


def key_api(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(f"key API: {safeguard}", f"{CORE}/http", text, instead, ("core/test_key_api",))


def demand(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(f"demand: {safeguard}", f"{CORE}/demand", text, instead, ("providers/http/test_signed_request",))


def forward(safeguard: str, text: str, instead: str, *, file: str = "forwards") -> Mutant:
    return Mutant(safeguard, f"{CORE}/{file}", text, instead, ("core/test_forwards",))


MUTANTS = (
    Mutant(
        "a module's options fit the schema of its store before anything is sent",
        f"{CORE}/stored",
        "refuse_misfits(kind.schema, container)",
        "pass",
        ("modules/test_http_modules",),
    ),
    demand("one right answer is one replica's", "for good in range(needed):", "for good in range(1):"),
    demand("chance does not make a row", "needed = min(2 * needed, _MOST * self.in_a_row)", "pass"),
    demand("a clear answer fails before a revoke", "(check.before_revoke and answer is not Answer.UNCLEAR)", "False"),
    Mutant(
        "http: what is absent is not null",
        f"{CORE}/http/paths",
        "found = find(document, path)\n",
        "found = at(document, path)\n",
        ("providers/http/test_http_steps", "providers/http/test_http_consumer"),
    ),
    http(
        "lost answer: is in doubt",
        "doubt = doubt or (not reads and isinstance(error, errors.OutcomeUnknownError))",
        "doubt = False",
    ),
    http("lost answer: 5xx is in doubt", "doubt = doubt or (not reads and answer.status >= 500)", "pass"),
    http("lost answer: sent again where harmless only", "or (doubt and not harmless)", ""),
    http("lost answer: a refusal of its repetition", "return errors.in_doubt(error)", "return error"),
    wire(
        "no effect: not a byte had left",
        "transmission.sent = transmission.sent or (transmission.armed and not self._is_connecting)",
        "pass",
    ),
    wire(
        "no effect: a CONNECT is no byte of it",
        "(transmission.armed and not self._is_connecting)",
        "transmission.armed",
    ),
    wire("a mint goes over a new connection", "if _current().fresh:", "if False:"),
    http("refused certificate: not tried again", " or isinstance(error, errors.UntrustedServerError)", ""),
    http("denied is not absent (all)", "403: errors.PermissionDeniedError", "403: errors.NotFoundError"),
    http("credential: to its own host only", "if there != origin(self.base_url):", "if False:"),
    http("credential: a change follows no redirect", "reply.is_redirect and method in SAFE", "reply.is_redirect"),
    http("credential: not in clear", 'if parts.scheme == "http" and not is_loopback(parts.hostname):', "if False:"),
    http("credential: not a .netrc's", "self._session.auth = _authorizer(authorization, clock)", "pass"),
    http(
        "nothing follows a login that the end of the run cut off",
        "        clock.check()\n        return request",
        "        return request",
    ),
    Mutant(
        "a part was written: no refusal of the whole",
        f"{CORE}/errors",
        "        if not happened:\n            raise\n",
        "        raise\n",
        ("core/test_errors", "providers/github/test_github_store", "providers/aws/test_ssm_store"),
    ),
    key_api(
        "a mint is sent once",
        "places, idempotent=False)",
        "places, idempotent=True)",
    ),
    key_api(
        "a mint that cannot be read is unknown",
        "raise errors.OutcomeUnknownError(error.message, hint=error.hint, status=error.status) from None",
        "raise",
    ),
    key_api("a proof is as its sign says", "(not self.at or fits(document, (self.at, self.says)))", "True"),
    key_api("an id does not lead elsewhere", 'str(value) in ("", ".", "..")', 'str(value) == "none"'),
    key_api("what is still listed is not revoked", "            if alive:\n                raise\n", ""),
    key_api(
        "an unreadable last use is no lack of use",
        '    if where:\n        raise errors.UnexpectedAnswerError(f"{where}: {path}',
        '    if where == str(5):\n        raise errors.UnexpectedAnswerError(f"{where}: {path}',
    ),
    key_api("a good status is not yet success", "if call.says and", "if call.says == () and"),
    key_api("keys of another kind are left out", "if how.only is None or", "if how.only != () or"),
    key_api("a status says that a key is revoked", "lives = facts.alive is None or", "lives = facts.alive != () or"),
    key_api("a reset is seen before it is told", "if found.fields != before.fields:", "if found:"),
    key_api(
        "an expired key is not the valid one in use",
        "key.revoked or (key.expires_at is not None and key.expires_at <= now)",
        "key.revoked",
    ),
    Mutant(
        "no two names become one",
        f"{CORE}/names",
        "return spelled[: longest - len(ending)] + ending",
        "return spelled[:longest]",
        ("core/test_names",),
    ),
    Mutant(
        "key API: a reset is in force before it is told",
        f"{CORE}/http",
        "            self._settle(answer)\n",
        "            pass\n",
        ("providers/keys/test_neon_roles",),
    ),
    forward("ssh ends with its user", 'kill "$!"; wait', "wait"),
    forward("a forward that broke is opened anew", "if forward is None or not forward.is_alive():", "if not forward:"),
    forward("who is not let in hears so at once", "        self.reach(where)\n", "", file="http/client"),
    http("no proxy stands before a forward", "{} if via else dict", "dict", "providers/test_network"),
    forward(
        "TLS in a forward is checked by the real name",
        "            self._dns_host, self.port = there\n",
        "            self.port = there[1]\n",
        file="http/wire",
    ),
    Mutant(
        "a password leaves this machine inside verified TLS",
        f"{CORE}/postgres",
        " or not is_loopback(self.host)",
        "",
        ("providers/postgres/test_roles",),
    ),
    Mutant(
        "a server behind a host keeps its name for TLS",
        f"{CORE}/postgres",
        '"host": self.host, "hostaddr"',
        '"host": address, "hostaddr"',
        ("providers/postgres/test_behind_a_host",),
    ),
    Mutant(
        "a password that nobody asks for is no proof",
        f"{CORE}/postgres",
        "if connection.pgconn.used_password:",
        "if True:",
        ("providers/postgres/test_roles",),
    ),
    Mutant(
        "an id that is not listed is no success while others of that name work",
        f"{CORE}/issued",
        "if named and id_ and all(",
        "if False and all(",
        ("actions/test_api_key", "modules/test_fly_modules"),
    ),
    Mutant(
        "an id is no key of another name",
        f"{CORE}/issued",
        "if id_ and one.id == id_ and one.name not in names",
        "if False",
        ("actions/test_api_key", "modules/test_fly_modules"),
    ),
    Mutant(
        "a key outside of the scope is not gone",
        f"{CORE}/http/key_issuers",
        "how, where = replace(self._api.listing, only=None), f",
        'how, where = replace(self._api.listing, only=("owner.service_account.id", "svc_1")), f',
        ("providers/keys/test_openai",),
    ),
)
