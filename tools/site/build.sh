#!/usr/bin/env bash
# Makes a site of the guides and of all modules, actions and roles: tools/site/build.sh BUILD
set -euo pipefail
build=$1 venv=$1/venv-site site=$1/site
here=$PWD

if ! cmp --silent requirements/site.txt "$venv/site.txt"; then
  rm -rf "$venv"
  python -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-compile -r requirements/site.txt -c requirements/constraints.txt
  cp requirements/site.txt "$venv/"
fi

mkdir -p "$site/rst" && chmod 700 "$site/rst"
rm -rf "$site/rst/docs"
cp -r docs README.md CONTRIBUTING.md tools/site/index.rst "$site/rst/"
export PATH="$venv/bin:$PATH"
antsibull-docs collection --use-current --cleanup similar-files --fail-on-error --dest-dir "$site/rst" rotor.secrets
sphinx-build -q -W --keep-going -c tools/site "$site/rst" "$site/html"
echo "Written: ${site#"$here"/}/html/index.html"
