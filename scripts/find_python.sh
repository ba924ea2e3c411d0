#!/bin/sh
# Prints the path of a Python that tunemagic can be installed with, or says what is missing.
# TensorFlow 2.21 has wheels for Python up to 3.13. PYTHON=/path/to/python names one by hand.
set -eu

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
can_make_environments='import ensurepip, venv'
without_venv=''

for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
    "$name" -c "$fits" 2>/dev/null || continue
    if "$name" -c "$can_make_environments" 2>/dev/null; then
        # The interpreter's own word: a version manager's shim may stop working in another folder.
        "$name" -c 'import sys; print(sys.executable)'
        exit 0
    fi
    without_venv=$name
done

if [ -n "$without_venv" ]; then
    version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$without_venv has no venv module: install it with 'apt-get install python$version-venv', then run make again." >&2
else
    echo "Expected Python 3.11, 3.12 or 3.13; found none. Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2
fi
exit 1
