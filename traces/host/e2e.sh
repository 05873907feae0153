#!/bin/bash
# npm run e2e:host: records a real (emulated) arm64 KVM host with the script that `s2replay record --print` prints, brings
# the recordings back, imports and replays them, and checks them against what the host's selftest must have done.
# CACHE is where the host is built, once (default: ~/.cache/s2replay-host). Two to three minutes, and one more the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/s2replay-host}
program=$here/../../dist/cli.js
blocks=16

[ -e "$CACHE/ready" ] || "$here/setup.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder" "$folder".*' EXIT
node "$program" record --print > "$folder/record.sh"
cp "$here/run.sh" "$folder/"
echo "$blocks" > "$folder/blocks"
echo "booting $(basename "$(ls "$CACHE"/root/boot/vmlinuz-* 2>/dev/null || echo kernel)")"
"$here/boot.sh" "$folder"
node "$here/check.js" "$folder" "$program"
