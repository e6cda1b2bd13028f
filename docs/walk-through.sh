# The shell of docs/walk-through.md: bash --init-file docs/walk-through.sh
# It has its own ports and folder. When it exits, everything that was started and written in it goes.

if ! command -v curl > /dev/null; then
  echo "The walk-through needs curl: install it, and start again." >&2
  exit 1
fi
API_PORT=${API_PORT:-8001} MAIL_PORT=${MAIL_PORT:-8026}
for port in "$API_PORT" "$MAIL_PORT"; do
  if (: > "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
    echo "Port $port is taken. Choose others: API_PORT=... MAIL_PORT=... bash --init-file docs/walk-through.sh" >&2
    exit 1
  fi
done

PROJECT=$PWD
FOLDER=$(mktemp -d) || exit
clean_up() {
  for job in $(jobs -p); do kill -- "-$job"; done # along with its children
  wait
  rm -r "$FOLDER"
} 2> /dev/null
trap clean_up EXIT
cd "$FOLDER" || exit

# Ignore the caller's settings: their database may be a real one.
unset "${!SHORTSHIP_@}"
export PATH="$PROJECT/.venv/bin:$PATH" SHORTSHIP_PORT="$API_PORT"
unset HISTFILE
PS1='walk-through$ '

ready() { # waits for both servers, or says why one of them ended
  while sleep 0.1; do
    if [ "$(jobs -pr | wc -l)" -lt 2 ]; then
      cat log.txt
      exit 1
    fi
    if curl --silent --fail "http://127.0.0.1:$API_PORT/readyz" > /dev/null; then break; fi
  done
}
