#!/bin/sh
# Prints the path of Chromium, which only the browser tests need. Installs Debian's package when
# there is none and this user may; else says what to do. TUNEMAGIC_CHROMIUM names one by hand.
set -eu

find_chromium() {
    for name in ${TUNEMAGIC_CHROMIUM:-chromium chromium-browser google-chrome}; do
        # Ubuntu's apt package is only a pointer to a snap: it exists but does not start.
        if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

find_chromium && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Chromium was not found; installing Debian's package" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >&2 || true
    find_chromium && exit 0
fi
echo "The browser tests need Chromium: 'apt-get install chromium' as root, or TUNEMAGIC_CHROMIUM=/path/to/chrome make test" >&2
exit 1
