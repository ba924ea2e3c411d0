"""Study to screen and back: comms, the live panel, the side panel."""

from __future__ import annotations
