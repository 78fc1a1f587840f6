#!/usr/bin/env bash
# A whole distribution on this machine: an origin, control, a relay and three clients as processes, one file.
#   scripts/loopback.sh [SIZE] [DIRECTORY]     SIZE as head -c takes it (default 50M); without DIRECTORY all is removed
set -euo pipefail
sluice=${SLUICE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/sluice}
size=${1:-50M}
directory=${2:-$(mktemp -d)}
mkdir -p "$directory/files"
cd "$directory"

started=()
end() {
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  if [ $# -eq 0 ]; then rm -rf "$directory"; fi
}
trap 'end ${2:+keep}' EXIT

# Starts a process and waits for its first line on stdout: where it listens.
start() {
  local name=$1
  shift
  "$sluice" "$@" > "$name.out" 2> "$name.log" &
  started+=($!)
  for _ in $(seq 300); do
    if [ -s "$name.out" ]; then return; fi
    kill -0 "${started[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "$name did not start:" >&2
  cat "$name.log" >&2
  exit 1
}

head -c "$size" /dev/urandom > files/file.bin
"$sluice" manifest files/file.bin > manifest.out

start origin origin files --listen 127.0.0.1:0
start control control --data control --listen 127.0.0.1:0 --report-every 1s
SLUICE_CONTROL=$(head -n 1 control.out)
SLUICE_TOKEN=$(cat control/operator.token)
export SLUICE_CONTROL SLUICE_TOKEN
origin=$(head -n 1 origin.out)

"$sluice" limit main --url "${origin%/}" --connections 10 --bandwidth 200MB/s
"$sluice" enrol relay --name relay-1 --out relay-1.token
start relay-1 relay --control "$SLUICE_CONTROL" --token-file relay-1.token --dir relay-1 \
  --listen 127.0.0.1:0 --listen-peers 127.0.0.1:0
for client in client-1 client-2 client-3; do
  "$sluice" enrol client --name "$client" --out "$client.token"
  "$sluice" client --control "$SLUICE_CONTROL" --token-file "$client.token" --dir "$client" \
    --listen-peers 127.0.0.1:0 > "$client.out" 2> "$client.log" &
  started+=($!)
done
for _ in $(seq 300); do
  if "$sluice" status | grep -q '^1 of 1 relays connected, 3 of 3 clients connected$'; then break; fi
  sleep 0.1
done

task=$("$sluice" publish "${origin%/}/file.bin")
"$sluice" status "$task" --watch
"$sluice" status "$task"
for client in client-1 client-2 client-3; do cmp files/file.bin "$client/file.bin"; done
echo "everyone has $(stat -c %s files/file.bin) bytes, equal to the origin's"
