#!/usr/bin/env bash
# Two copies of a bot behind one Redis or Valkey server, with a messenger to talk to.
#
#   examples/two_replicas.sh [bot.py]
#
# It starts a server, `duologue sandbox` and the bot twice (examples/timer.py by default), and
# ends all of them with Ctrl+C. Open the page that the sandbox names, press, and end one of
# the copies by its number: the other goes on. SERVER names the program of the server;
# PYTHON the Python that has duologue.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
bot="${1:-$here/timer.py}"
python="${PYTHON:-python3}"
server="${SERVER:-$(command -v valkey-server || command -v redis-server || true)}"
if [ -z "$server" ]; then
    echo "no valkey-server or redis-server is here; install one, or name it: SERVER=/path/to/it" >&2
    exit 1
fi
folder="$(mktemp -d)"
started=()
finish() {
    trap - EXIT INT TERM
    if [ ${#started[@]} -gt 0 ]; then
        kill "${started[@]}" 2>/dev/null || true
        wait "${started[@]}" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 0' INT TERM

"$server" --port 0 --unixsocket "$folder/server.sock" --dir "$folder" \
    --appendonly yes --save "" --logfile "$folder/server.log" &
started+=($!)
export DUOLOGUE_STATE_DIR="$folder/state" DUOLOGUE_SANDBOX_TOKEN="two-replicas"
port="$("$python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')"
"$python" -m duologue sandbox --port "$port" &
started+=($!)
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done

export DUOLOGUE_ENGINE="unix://$folder/server.sock"
export DUOLOGUE_MAX_URL="http://127.0.0.1:$port" DUOLOGUE_MAX_TOKEN="$DUOLOGUE_SANDBOX_TOKEN"
for copy in 1 2; do
    "$python" "$bot" &
    started+=($!)
    echo "copy $copy of the bot is process $!; kill $! ends it"
done
wait
