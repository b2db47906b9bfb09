#!/usr/bin/env bash
# Builds the tarball, and looks at it as Galaxy and ansible-builder do: tools/galaxy/check.sh BUILD
set -euo pipefail
build=$1 venv=$1/venv-galaxy out=$1/galaxy

if ! cmp --silent requirements/galaxy-constraints.txt "$venv/constraints.txt"; then
  rm -rf "$venv"
  python -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-compile -r requirements/galaxy.txt -c requirements/galaxy-constraints.txt
  cp requirements/galaxy-constraints.txt "$venv/constraints.txt"
fi
export PATH="$venv/bin:$PATH" GALAXY_IMPORTER_CONFIG=$PWD/tools/galaxy/importer.cfg

rm -rf "$out" && mkdir -p "$out"
ansible-galaxy collection build --output-path "$out" >/dev/null
tarball=$(echo "$out"/*.tar.gz)

# The importer installs it by itself, and must not see the one in the build.
(cd "$out" && env -u ANSIBLE_COLLECTIONS_PATH python -m galaxy_importer.main "$tarball") 2>&1 | tee "$out/log" | grep -v '^Loading '
grep -q 'Importer processing completed successfully' "$out/log"
if grep -E '^(WARNING|ERROR)' "$out/log"; then exit 1; fi

cp examples/execution_environment/execution-environment.yml "$out"/
(cd "$out" && ansible-builder create --context context) >/dev/null
grep -q 'cryptography.*from collection rotor.secrets' <<<"$(ansible-builder introspect "$build")"
echo 'The importer takes the tarball, and ansible-builder what an execution environment needs of it'
