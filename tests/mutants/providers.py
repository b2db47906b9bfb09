# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the providers, and of the HTTP client that most of them share."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

CORE = "module_utils/_core"
PROVIDERS = "module_utils/_providers"
HTTP = "core/test_http"
WIRE = "core/test_wire"


def http(safeguard: str, text: str, instead: str, *tests: str) -> Mutant:
    return Mutant(safeguard, f"{CORE}/http/client", text, instead, (HTTP, WIRE, *tests))


def wire(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, f"{CORE}/http/wire", text, instead, (WIRE,))


def key_api(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(f"key API: {safeguard}", f"{CORE}/http", text, instead, ("core/test_key_api",))


def provider(safeguard: str, file: str, text: str, instead: str, *tests: str) -> Mutant:
    system = file.partition("/")[0]
    names = tuple(f"providers/{system}/test_{name}" for name in tests)
    return Mutant(safeguard, f"{PROVIDERS}/{file}", text, instead, names)


def files(safeguard: str, text: str, instead: str, *tests: str) -> Mutant:
    names = tuple(f"providers/dotenv/test_dotenv_{name}" for name in tests)
    return Mutant(f"files on hosts: {safeguard}", f"{CORE}/host_files_program", text, instead, names)


def keys(safeguard: str, file: str, text: str, instead: str) -> Mutant:
    name = {
        "neon/api_keys": "neon",
        "neon/role_passwords": "neon_roles",
        "supabase/signing_keys": "supabase_signing",
    }.get(file, file)
    return Mutant(safeguard, f"{PROVIDERS}/{file}", text, instead, (f"providers/keys/test_{name}",))


def demand(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(f"demand: {safeguard}", f"{CORE}/demand", text, instead, ("providers/http/test_signed_request",))


def forward(safeguard: str, text: str, instead: str, *, file: str = "forwards") -> Mutant:
    return Mutant(safeguard, f"{CORE}/{file}", text, instead, ("core/test_forwards",))


_VERDICT = """\
        except AuthenticationError:
            return Answer.REFUSED
"""


def proof(what: str, status: int) -> Mutant:
    """That answer, too, would be taken for the end of a token."""
    instead = f"""\
        except Exception as error:
            if getattr(error, "status", 0) in (401, {status}):
                return Answer.REFUSED
            raise
"""
    return provider(f"proof: {what} is no refusal", "fly/issuer", _VERDICT, instead, "fly_tokens")


MUTANTS = (
    Mutant(
        "a module's options fit the schema of its store before anything is sent",
        f"{CORE}/stored",
        "refuse_misfits(kind.schema, container)",
        "pass",
        ("modules/test_http_modules",),
    ),
    proof("403", 403),
    proof("429", 429),
    proof("500", 500),
    proof("503", 503),
    provider(
        "a Vault token has no parent", "vault/own_tokens", "token/create-orphan", "token/create", "vault_own_tokens"
    ),
    provider(
        "a 403 of anybody is no dead token", "vault/own_tokens", "denied.code != BY_TOKEN", "False", "vault_own_tokens"
    ),
    provider(
        "a token that is bound to addresses is no dead one",
        "vault/own_tokens",
        "credential.id is not None and self._look(credential.id) is None",
        "True",
        "vault_own_tokens",
    ),
    provider("what Vault shortens is ended", "vault/secret_ids", "0 < seconds < wanted", "False", "vault_secret_ids"),
    provider(
        "only an unknown key is refused", "aws/access_keys", "refused.code != _UNKNOWN_KEY", "False", "access_keys"
    ),
    provider(
        "a key of another account is not gone",
        "aws/access_keys",
        "if found not in (None, ours):",
        "if found == ours == None:",
        "access_keys",
    ),
    proof("HTML", 200),
    # reloads by requests
    provider(
        "http: a paused item is left alone",
        "http/consumer",
        "if not item.aside]\n        ahead",
        "]\n        ahead",
        "http_consumer",
    ),
    provider(
        "http: the state of before is no reload", "http/consumer", "in (value, None)", "in (None,)", "http_consumer"
    ),
    provider(
        "http: the first are well before the rest",
        "http/consumer",
        'self.options.get("first", len(goes))',
        "len(goes)",
        "http_consumer",
    ),
    provider("http: a failed deploy ends the wait", "http/consumer", 'how.get("failed", {})', "{}", "http_consumer"),
    # signed events
    provider(
        "signed: nobody's secret is refused",
        "http/signed",
        'self._demand(secrets.token_bytes(32), "nobody\'s secret has signed", Answer.REFUSED)',
        "pass",
        "signed_request",
    ),
    provider(
        "signed: the old secret is refused",
        "http/signed",
        "        if ended:\n",
        "        if False:\n",
        "signed_request",
    ),
    provider(
        "signed: an unclear answer is no refusal",
        "http/signed",
        "(Answer.REFUSED if refused else Answer.UNCLEAR)",
        "Answer.REFUSED",
        "signed_request",
    ),
    provider("signed: a 403 is no refusal", "http/signed", "(400, 401)\n", "(400, 401, 403)\n", "signed_request"),
    demand("one right answer is one replica's", "for good in range(needed):", "for good in range(1):"),
    demand("chance does not make a row", "needed = min(2 * needed, _MOST * self.in_a_row)", "pass"),
    demand("a clear answer fails before a revoke", "(check.before_revoke and answer is not Answer.UNCLEAR)", "False"),
    # a run's parts
    provider(
        "GitHub: only a success is one", "github/check", 'if end != "success"', 'if end == "failure"', "github_workflow"
    ),
    provider("GitHub: a missing step is no success", "github/check", "if not ends:", "if False:", "github_workflow"),
    provider(
        "a sealed Vault is not well", "vault/check", 'if seal["sealed"] else None', "if False else None", "vault_check"
    ),
    # a counter's growth
    provider(
        "Prometheus: old counts do not count",
        "http/prometheus",
        "surely else before[-1:]",
        "surely else []",
        "prometheus",
    ),
    provider(
        "Prometheus: uses of before are no uses",
        "http/prometheus",
        "after[:1] if surely else before[-1:]",
        "before[-1:]",
        "prometheus",
    ),
    provider(
        "Prometheus: a restart is no loss",
        "http/prometheus",
        "value - last if value >= last else value",
        "value - last",
        "prometheus",
    ),
    provider(
        "Prometheus: what is not scraped proves nothing",
        "http/prometheus",
        "over and not scraped and",
        "False and",
        "prometheus",
    ),
    provider(
        "Redis: a password of nobody is refused",
        "redis",
        'self._demand(Answer.REFUSED, "a password of nobody", SecretValue(secrets.token_urlsafe(32)), name)',
        "pass",
        "redis",
    ),
    provider("Redis: in clear on loopback only", "redis", 'parts.scheme == "redis" and', "False and", "redis"),
    # a log
    provider("log: a command that fails proves nothing", "command/log", "if look.exit:", "if False:", "log"),
    provider("log: a wrong pattern proves nothing", "command/log", "look.grep >= _BAD_PATTERN", "False", "log"),
    provider(
        "log: the whole grace is looked at",
        "command/log",
        "self.earlier if self.before_revoke else checkpoint.recall()",
        "checkpoint.recall()",
        "log",
    ),
    # what a JSON document says
    provider("http: no text matches nothing", "http/steps", "paths.text_of(self._at(", "str(self._at(", "http_steps"),
    Mutant(
        "http: what is absent is not null",
        f"{CORE}/http/paths",
        "found = find(document, path)\n",
        "found = at(document, path)\n",
        ("providers/http/test_http_steps", "providers/http/test_http_consumer"),
    ),
    provider("http: a missing field is not null", "http/check", "return paths.ABSENT", "return None", "http_check"),
    provider("http: each look may meet another replica", "http/check", "idempotent=False,", "", "http_check"),
    # checks in steps
    provider(
        "steps: what they make is recorded before",
        "http/steps",
        "checkpoint.record({MADE: name, CLEANED: left})",
        "pass",
        "http_steps",
    ),
    provider(
        "steps: what earlier attempts left is deleted",
        "http/steps",
        "        for one in left:\n",
        "        for one in ():\n",
        "http_steps",
    ),
    provider(
        "steps: cleanup finds by the name alone",
        "http/steps",
        "if cleanup and NAME not in {place",
        "if False and NAME not in {place",
        "http_steps",
    ),
    # a lost answer
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
    provider(
        "no effect: no role was assumed",
        "aws/client",
        "armed=False) as transmission",
        "armed=True) as transmission",
        "aws_wire",
    ),
    provider(
        "lost answer: a GraphQL mutation's",
        "fly/client",
        "raise errors.OutcomeUnknownError(error.message, status=error.status, request_id=error.request_id) from None",
        "raise",
        "fly_tokens",
        "fly_client",
        "fly_answers",
    ),
    provider(
        "lost write: read back (Infisical)",
        "infisical/store",
        "if all(_holds(now, key, value) for key, value in values.items()):\n                    return now",
        "if values:\n                    return now",
        "infisical_store",
    ),
    provider(
        "lost write: read back (Parameter Store)",
        "aws/writer",
        "arrived = self._has_arrived(name, value, due)",
        "arrived = True",
        "ssm_store",
    ),
    provider(
        "lost write: read back (Vault)",
        "vault/store",
        "                    trouble = error\n",
        "                    trouble = error\n"
        "                    if isinstance(error, OutcomeUnknownError):\n"
        "                        return document\n",
        "vault_faults",
        "vault_kv2",
    ),
    provider("write seen (KV 1)", "vault/documents", "if not self._is_seen(changes):", "if False:", "vault_kv1"),
    # access denied is not absent
    provider(
        "denied is not absent (GitHub)",
        "github/store",
        "        except NotFoundError:\n            return None\n",
        "        except (NotFoundError, PermissionDeniedError):\n            return None\n",
        "github_store",
        "github_actions",
    ),
    provider(
        "denied is not absent (Vault)",
        "vault/documents",
        "raise denied from None",
        "return self._gone({})",
        "vault_kv2",
        "vault_faults",
        "vault_names",
    ),
    http("denied is not absent (all)", "403: errors.PermissionDeniedError", "403: errors.NotFoundError"),
    provider(
        "denied is not absent (AWS)",
        "aws/failures",
        '(errors.PermissionDeniedError, ""),',
        '(errors.NotFoundError, ""),',
        "aws_failures",
        "ssm_store",
    ),
    # credentials stay
    http("credential: to its own host only", "if there != origin(self.base_url):", "if False:"),
    http("credential: a change follows no redirect", "reply.is_redirect and method in SAFE", "reply.is_redirect"),
    http("credential: not in clear", 'if parts.scheme == "http" and not is_loopback(parts.hostname):', "if False:"),
    http("credential: not a .netrc's", "self._session.auth = _authorizer(authorization, clock)", "pass"),
    http(
        "nothing follows a login that the end of the run cut off",
        "        clock.check()\n        return request",
        "        return request",
    ),
    provider(
        "nothing follows a role that was assumed while the run ended",
        "aws/session",
        "        self._clock.check()\n",
        "",
        "aws_connection",
    ),
    provider("a script is run as a whole", "command/command", "-eq {size} ]", "-ge 0 ]", "command"),
    provider(
        "a script and its input are kept apart",
        "command/command",
        'f"""{whole}; {check}; printf %s "$s" | {own}"""',
        'f"exec 3<&0; dd bs=1 count={size} <&3 2>/dev/null | {own}"',
        "command",
    ),
    # files on hosts
    files("a problem is that of its task", "return [answer or others[number]", "return [others[number]", "store"),
    Mutant(
        "files on hosts: // is /",
        f"{CORE}/host_files",
        'container["path"].lstrip("/")',
        'container["path"][1:]',
        ("providers/dotenv/test_dotenv_store",),
    ),
    files(
        "no access list of the folder",
        "        if _ACCESS_LIST in _attributes(descriptor):",
        "        if False:",
        "store",
    ),
    files(
        "no overwriting of what somebody else has changed",
        'task["since"] not in (None, now)',
        "False",
        "store",
        "interference",
    ),
    # evidence of a store
    provider(
        "one parameter by two names (Parameter Store)",
        "aws/ssm",
        "        return name_of(container, key)\n",
        '        return f"{cls.identity(container)}#{key}"\n',
        "ssm_store",
    ),
    provider(
        "no old value is evidence (HTTP)",
        "http/store",
        " if _may_be_value(fact) else fact",
        " if False else fact",
        "http_store",
    ),
    provider(
        "what was written is not refused (HTTP)",
        "http/store",
        "        with after_an_effect():\n",
        "        if True:\n",
        "http_store",
    ),
    provider(
        "stopped between two writes (HTTP)",
        "http/store",
        "            except StoppedError:\n                raise\n",
        "",
        "http_store",
    ),
    provider(
        "stopped before the look back (HTTP)",
        "http/store",
        "        except StoppedError:\n            raise\n        except RotorError as error:\n            raise _half",
        "        except RotorError as error:\n            raise _half",
        "http_store",
    ),
    provider(
        "written and overwritten is in doubt (KV 1)",
        "vault/documents",
        'raise CrossedError(f"writing',
        'raise MismatchError(f"writing',
        "vault_kv1",
    ),
    provider("evidence (Fly)", "fly/store", "return before == now and None not", "return None not", "fly_store"),
    provider("evidence: none is not the same (Fly)", "fly/store", " and None not in before.values()", "", "fly_store"),
    provider(
        "evidence (GitHub)",
        "github/store",
        "return _dates(recorded) == _dates(observed)",
        "return True",
        "github_store",
        "github_actions",
    ),
    provider(
        "compared before a write (GitHub)",
        "github/store",
        "if since is not None and not self.unchanged(",
        "if False and not self.unchanged(",
        "github_store",
    ),
    provider(
        "only this very version is known (Parameter Store)",
        "aws/parameters",
        "return (known.version, known.modified_at) == (int(",
        "return (known.version, known.modified_at) >= (0, '') or (int(",
        "ssm_store",
    ),
    provider(
        "evidence (Vault)",
        "vault/store",
        "before.keys() == now.keys() and all(_same(before[key], now[key]) for key in before)",
        "True",
        "vault_kv2",
        "vault_kv1",
    ),
    provider(
        "evidence (Infisical)",
        "infisical/store",
        "before.keys() == now.keys() and all(_same(before[key], now[key]) for key in before)",
        "True",
        "infisical_store",
    ),
    provider(
        "evidence (Parameter Store)",
        "aws/ssm",
        "before.keys() == now.keys() and all(_is_same(before[key], now[key]) for key in before)",
        "True",
        "ssm_store",
    ),
    # compared and set
    provider(
        "check and set: merged (Vault)",
        "vault/documents",
        ', "options": {"cas": version}}',
        "}",
        "vault_kv2",
    ),
    provider("check and set: replaced (Vault)", "vault/documents", "cas=version, ", "", "vault_kv2", "vault_names"),
    provider(
        "check and set: since it was seen (Vault)",
        "vault/store",
        "if moved := [key for key in due if not _same(before.get(key), now.get(key))]:",
        "if moved := [key for key in due if due is None]:",
        "vault_kv2",
        "vault_kv1",
    ),
    provider(
        "a denied parameter is no denial of others (Parameter Store)",
        "aws/parameters",
        "else self._one_by_one(batch)",
        "else dict.fromkeys(batch, {})",
        "ssm_store",
    ),
    provider(
        "what is away is asked for once (Parameter Store)",
        "aws/ssm",
        "if isinstance(error, _OF_A_NAME) else",
        "if error else",
        "ssm_store",
    ),
    # machines of now
    provider("machines of now: gone (Fly)", "fly/rollout", "if not self._is_gone(name):", "if True:", "fly_app"),
    provider(
        "machines of now: listed again (Fly)",
        "fly/rollout",
        "            pending = self._pending()\n",
        "            pending = []\n",
        "fly_app",
    ),
    provider(
        "a list is left alone (Parameter Store)", "aws/ssm", "if lists := [", "if lists := [][:] and [", "ssm_store"
    ),
    provider("check and set: crossed (Infisical)", "infisical/store", "if crossed:", "if False:", "infisical_store"),
    provider("check and set: crossed (Parameter Store)", "aws/writer", "if made != due:", "if False:", "ssm_store"),
    # 200 with something else in it
    provider(
        "200 with an error (Fly)", "fly/client", 'if body.get("errors"):', "if False:", "fly_tokens", "fly_answers"
    ),
    provider(
        "200 without a list (Fly)",
        "fly/client",
        'if body and "secrets" not in body:',
        "if False:",
        "fly_store",
        "fly_answers",
    ),
    provider(
        "200 without a token (Fly)",
        "fly/client",
        "        if not _grants(answer):\n",
        "        if False:\n",
        "fly_answers",
        "fly_tokens",
        "fly_client",
    ),
    provider(
        "200 that awaits approval (Infisical)",
        "infisical/store",
        'if "approval" in response:',
        "if False:",
        "infisical_store",
    ),
    provider(
        "200 with another value (Infisical)",
        "infisical/store",
        "if other := [key for key in values if key in seen and value_of(made[key]) != values[key]]:",
        "if other := ():",
        "infisical_store",
    ),
    provider(
        "200 with labels refused (Parameter Store)",
        "aws/writer",
        'if refused := answer.get("InvalidLabels"):',
        "if refused := ():",
        "ssm_versions",
        "ssm_store",
    ),
    Mutant(
        "a part was written: no refusal of the whole",
        f"{CORE}/errors",
        "        if not happened:\n            raise\n",
        "        raise\n",
        ("core/test_errors", "providers/github/test_github_store", "providers/aws/test_ssm_store"),
    ),
    # keys by description
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
    keys("a domain is verified by that word alone (Resend)", "resend", "if status == _VERIFIED:", "if status:"),
    Mutant(
        "no two names become one",
        f"{CORE}/names",
        "return spelled[: longest - len(ending)] + ending",
        "return spelled[:longest]",
        ("core/test_names",),
    ),
    Mutant(
        "key API: a described key is shown with its own fields",
        f"{PROVIDERS}/http/issuer",
        "if shown and (not names or names - fields):",
        "if False:",
        ("providers/http/test_key_api_issuer",),
    ),
    # values that are reset, rolled or set
    Mutant(
        "key API: a reset is in force before it is told",
        f"{CORE}/http",
        "            self._settle(answer)\n",
        "            pass\n",
        ("providers/keys/test_neon_roles",),
    ),
    keys("URIs with two passwords are no credential (Neon)", "neon/role_passwords", "len(passwords) > 1", "False"),
    keys("a set password is in force (Keycloak)", "keycloak", "is not Answer.ACCEPTED:\n", "is Answer.UNCLEAR:\n"),
    keys("a client without an account lives (Keycloak)", "keycloak", " or (status in (400, 401) and", " or (False and"),
    keys("a key in use is not revoked (Supabase)", "supabase/signing_keys", 'if status == "in_use":', "if False:"),
    keys(
        "caches know a key before it is in use (Supabase)",
        "supabase/signing_keys",
        'if not any(key["kid"] == credential.id for key in published):',
        "if False:",
    ),
    keys("a use is the new credential's (used)", "used", "if one.id == credential.id", "if one.id"),
    keys("a use is none before the check (used)", "used", "if last and last > since else None", "if last else None"),
    # forwards through hosts
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
    # values that are read
    provider(
        "no number is read for a text",
        "aws/secretsmanager",
        "{key: document.text(key) for",
        "{key: document.held(key) for",
        "secretsmanager_store",
    ),
    provider(
        "no object is read for a text",
        "http/store",
        "if not isinstance(value, str) or not value:",
        "if not value:",
        "http_store",
    ),
    provider(
        "no value is fetched from a host",
        "dotenv/store",
        'if container["host"] != LOCALHOST:',
        "if False:",
        "dotenv_store",
    ),
    files(
        "no link leads a private file elsewhere",
        "os.path.realpath(path) if links else path",
        "os.path.realpath(path)",
        "private",
    ),
    files(
        "a private file is closed to others", '        if mode & ~int(task["mode"], 8):', "        if False:", "private"
    ),
    files(
        "a private file has no access list",
        "        if _ACCESS_LIST in file.attributes:",
        "        if False:",
        "private",
    ),
    files(
        "a private file is its owner's",
        "        if file.state.st_uid not in owners:",
        "        if False:",
        "private",
    ),
    files(
        "a file that is compared need not be writable",
        '        if not tasks[0]["look_only"]:',
        "        if True:",
        "store",
    ),
    provider(
        "a file that is not there hides nothing",
        "dotenv/store",
        "{} if isinstance(answer, NotFoundError) else answered",
        "answered",
        "dotenv_store",
    ),
    provider(
        "what hides a secret is looked for anew",
        "github/client",
        "        if fresh:\n            self._once.forget(path)\n        return list(",
        "        return list(",
        "github_shadows",
    ),
    provider(
        "a later secret is not taken for an older one",
        "github/store",
        "return own is None or _date(",
        "return True or _date(",
        "github_shadows",
    ),
    files(
        "no value is read that readers differ on",
        "values.pop() if len(values) == 1 else None",
        "values.pop()",
        "store",
    ),
    # roles of PostgreSQL
    Mutant(
        "a password leaves this machine inside verified TLS",
        f"{CORE}/postgres",
        " or not is_loopback(self.host)",
        "",
        ("providers/postgres/test_roles",),
    ),
    provider(
        "a role with sessions is in use now", "postgres/roles", "in_use=bool(counts[role])", "in_use=False", "roles"
    ),
    provider(
        "the server is given no password",
        "postgres/roles",
        'credential.fields["verifier"].reveal()',
        'credential.fields["password"].reveal()',
        "roles",
    ),
    provider(
        "a password lives as long as a pooler takes it",
        "postgres/roles",
        "all(self._refuses(pooler, credential) for pooler in self.connection.poolers)",
        "True",
        "pooler",
    ),
    provider(
        "the server alone says that a password is in force",
        "postgres/roles",
        "return self._shown_at(self.connection.server, credential) is Answer.ACCEPTED",
        "return any(not self._refuses(one, credential) for one in (self.connection.server, *self.connection.poolers))",
        "pooler",
    ),
    provider("a check leaves a pooler no session", "postgres/checks", "session.execute(_END", "print(_END", "pooler"),
    provider("a pooler reads its list", "postgres/pooler", 'session.execute("RELOAD")', "pass", "pooler"),
    provider(
        "the server connections of before are closed",
        "postgres/pooler",
        'not self._count(close_needed="1")',
        "True",
        "pooler",
    ),
    provider(
        "a list that PgBouncer does not read to its end is left alone",
        "pgbouncer/on_host_program",
        "        if match is None:",
        "        if match is None and (match := re.compile(b'.*', re.DOTALL).match(text, start)) is None:",
        "userlist",
    ),
    provider(
        "a quote in a name is doubled", "pgbouncer/on_host_program", """field.replace('"', '""')""", "field", "userlist"
    ),
    provider(
        "a role that may not log in has no password in force",
        "postgres/command",
        " AND rolcanlogin",
        "",
        "behind_a_host",
    ),
    provider("a command that broke off may have had its effect", "postgres/command", "begun or ", "", "behind_a_host"),
    Mutant(
        "a server behind a host keeps its name for TLS",
        f"{CORE}/postgres",
        '"host": self.host, "hostaddr"',
        '"host": address, "hostaddr"',
        ("providers/postgres/test_behind_a_host",),
    ),
    provider(
        "a role with open sessions is not dropped",
        "postgres/departed",
        'sessions of {self.role} are open": count',
        'sessions of {self.role} are open": 0',
        "departed",
    ),
    provider(
        "what a role owns goes to the owner", "postgres/departed", "REASSIGN OWNED BY {0} TO {1}; ", "", "departed"
    ),
    provider(
        "an owner is not dropped",
        "postgres/roles",
        '(*options["roles"], options["owner"])',
        "cls.identities(options)",
        "departed",
    ),
    provider(
        "who acts as a role in one database keeps it",
        "postgres/departed",
        "r.rolname = ANY (a.s",
        "'' = ANY (a.s",
        "departed",
    ),
    provider("operators of others are not run", "postgres/client", "'pg_catalog, pg_temp'", "'public'", "roles"),
    provider("nor by a command", "postgres/command", "SET search_path = pg_catalog, pg_temp;\n", "", "behind_a_host"),
    provider(
        "a role of another server is not refused",
        "postgres/roles",
        "if answer is Answer.REFUSED and not self._there",
        "if False and not self._there",
        "roles",
        "moved",
    ),
    provider("a missing role is not revoked", "postgres/roles", "raise self._missing(role) from None", "pass", "roles"),
    provider(
        "a session of a disabled role is a use",
        "postgres/roles",
        "if counts[role] else",
        "if may_login and counts[role] else",
        "roles",
    ),
    provider(
        "a revoked role is not enabled again",
        "postgres/roles",
        "with errors.after_an_effect():",
        "if True:",
        "roles",
    ),
    provider(
        "a role that is asked for no password is told before",
        "postgres/roles",
        "if self._needs_no_password(server, role)",
        "if False",
        "roles",
    ),
    Mutant(
        "a password that nobody asks for is no proof",
        f"{CORE}/postgres",
        "if connection.pgconn.used_password:",
        "if True:",
        ("providers/postgres/test_roles",),
    ),
    provider("a revoked role may not log in", "postgres/roles", "NOLOGIN PASSWORD NULL", "CONNECTION LIMIT 1", "roles"),
    # whose a key is
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
    keys(
        "OpenAI: a key of another account is not ours",
        "openai",
        'only=("owner.service_account.id", "<service_account>"),',
        "",
    ),
    keys(
        "OpenAI: an address that is not allowed is no end",
        "openai",
        'Sign(401, "error.code", "invalid_api_key")',
        "Sign(401)",
    ),
    provider(
        "Fly: a failed machine is ill",
        "fly/health",
        'found.append("it has failed, and does not start")',
        "found.extend(())",
        "fly_answers",
    ),
    keys("Helius: a 401 is no end", "helius", "dead=(),", ""),
    keys("Keycloak: a second factor is seen before", "keycloak", 'if user.get("totp") else []', "if not user else []"),
    Mutant(
        "Stripe: an address that is not allowed is no end",
        f"{PROVIDERS}/stripe",
        'Sign(401, "error.message", _DEAD)',
        "Sign(401)",
        ("providers/keys/test_made_by_hand",),
    ),
    keys(
        "Neon: a key of another project is not ours",
        "neon/api_keys",
        'only=("project_id", "<project>"),',
        "",
    ),
    Mutant(
        "a key outside of the scope is not gone",
        f"{CORE}/http/key_issuers",
        "how, where = replace(self._api.listing, only=None), f",
        'how, where = replace(self._api.listing, only=("owner.service_account.id", "svc_1")), f',
        ("providers/keys/test_openai",),
    ),
    provider(
        "Fly: a token of an app is none of its organization",
        "fly/issuer",
        "if token.scope == self._kind]",
        "]",
        "fly_tokens",
    ),
    provider(
        "Fly: a current token of another kind is refused",
        "fly/issuer",
        "if found.scope != self._kind:",
        "if False:",
        "fly_tokens",
    ),
    # the connection's own
    provider(
        "Vault: the connection's own secret-id is told",
        "vault/secret_ids",
        'self._lookup(own).get("secret_id_accessor") == credential_id',
        "False",
        "vault_secret_ids",
    ),
    keys(
        "Cloudflare: the connection's own token is told",
        "cloudflare",
        'bool(paths.at(answer.json, "result.id") == credential_id)',
        "False",
    ),
    provider(
        "Infisical: the connection's own client secret is told",
        "infisical/client_secrets",
        "bool(begins and own.reveal().startswith(begins))",
        "False",
        "client_secrets",
    ),
    keys(
        "Keycloak: the connection's own client is refused",
        "keycloak",
        'if (self.options["realm"], self.options["client_id"]) == self.connection.client:',
        "if False:",
    ),
    keys("Upstash: a password goes the connection's way", "upstash", ", via=self.connection.via)", ")"),
    keys("Neon: a password goes the connection's way", "neon/role_passwords", ", self.connection.via)", ")"),
)
