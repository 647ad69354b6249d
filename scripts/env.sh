# Sourced by the scripts: the checkout's folder and its own Node first in PATH.
WHERRY_ROOT=$(cd "$(dirname "$0")/.." && pwd)
PATH="$WHERRY_ROOT/node_modules/.bin:$PATH:/usr/sbin:/sbin"
export WHERRY_ROOT PATH
