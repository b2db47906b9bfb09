#!/bin/sh
# Take signatures by one more key, which comes on standard input; those by the ones before it for 24 hours more.
# A line of the file is the time until which a key is taken, 0 for the newest one, and the key.
set -eu
umask 077
keys=webhook.keys
now=$(date +%s)
read -r key
touch "$keys"
{
  printf '0 %s\n' "$key"
  while read -r until known; do
    if [ "$until" = 0 ]; then until=$((now + 86400)); fi
    if [ "$known" != "$key" ] && [ "$until" -gt "$now" ]; then printf '%s %s\n' "$until" "$known"; fi
  done <"$keys"
} >"$keys.new"
mv "$keys.new" "$keys"
