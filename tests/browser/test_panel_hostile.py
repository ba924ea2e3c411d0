"""Whatever a name, a value, a metric or an error holds, it stays text in every part of the panel."""

from __future__ import annotations

import json

import pytest

from tests.browser.page import PanelPage
from tests.browser.story import stamped, study_started
from tunemagic import events as ev
from tunemagic.analysis.answers import answer
from tunemagic.errors import TuneError
from tunemagic.space import Kind, Parameter, SearchSpace
from tunemagic.trial import replay

pytestmark = pytest.mark.browser

PAYLOADS = (
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=1</script>",
    "<svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    '"><img src=x onerror=window.pwned=1>',
    "'><img src=x onerror=window.pwned=1>",
    "</style><img src=x onerror=window.pwned=1>",
    "</textarea><img src=x onerror=window.pwned=1>",
    "</option></select><img src=x onerror=window.pwned=1>",
    "javascript:window.pwned=1",
    "<a href=javascript:window.pwned=1>x</a>",
    "<details open ontoggle=window.pwned=1>",
    "<body onload=window.pwned=1>",
    "<input autofocus onfocus=window.pwned=1>",
    "<math><mi xlink:href='javascript:window.pwned=1'>x",
    "{{constructor.constructor('window.pwned=1')()}}",
    "${window.pwned=1}",
    "&lt;img src=x onerror=window.pwned=1&gt;",
    "__proto__",
)


ALL = " ".join(PAYLOADS)


def study():
    """One search with the payloads as names, values, metrics, reasons and errors."""
    space = SearchSpace(
        tuple(Parameter(name=each, kind=Kind.CHOICE, default=each, choices=(each, "b")) for each in PAYLOADS)
    )
    plain = ev.event_to_json(study_started(study=ALL))
    yield ev.event_from_json({**plain, "space": space.to_json(), "strategy": ALL})
    yield ev.ExecutorChosen(kind="process", workers=1, reason=ALL)
    for number, payload in enumerate(PAYLOADS, start=1):
        yield ev.StudyNoted(text=payload)
        values = {name: name if number % 2 else "b" for name in PAYLOADS}
        yield ev.TrialStarted(trial=number, attempt=1, values=values, epochs=1, why=payload)
        logs = {"val_accuracy": number / 20, payload: number / 40}
        yield ev.EpochEnded(trial=number, attempt=1, epoch=1, logs=logs)
        yield ev.TrialFinished(
            trial=number, attempt=1, score=number / 20, best_epoch=1, metrics=logs, seconds=1.0, trainer=payload
        )
    last = len(PAYLOADS) + 1
    yield ev.TrialStarted(trial=last, attempt=1, values=values, epochs=1, why=ALL)
    yield ev.TrialFailed(trial=last, attempt=1, error=ALL, reason=ALL, seconds=1.0, line=1, source=ALL)
    yield ev.TrialStarted(trial=last + 1, attempt=1, values=values, epochs=1, why=ALL)


def reply(panel, view):
    for topic, options in panel.asked():
        try:
            info, error = answer(view, topic, options, log_of=lambda number: ALL), ""
        except TuneError as problem:
            info, error = None, str(problem)
        panel.answer(topic, options, json.loads(json.dumps(info)), error)
    panel.settle()


def test_no_payload_becomes_more_than_text(page):
    panel = PanelPage(page)
    events = stamped(study())
    panel.start(events)
    panel.settle()
    for name in ("Try values", "Space", "Pause"):
        page.get_by_role("button", name=name, exact=True).click()
    panel.acknowledge(ok=False, message=ALL, line=ALL)
    page.get_by_role("button", name=str(len(PAYLOADS) + 1), exact=True).click()
    for box in page.locator(".tm-trials td input").all()[2:4]:
        box.check()
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Filter trials").fill(f"{PAYLOADS[0]} x=1")
    view = replay(events)
    for tab in page.get_by_role("tab").all():
        if tab.is_visible():
            tab.click()
            reply(panel, view)
    for payload in PAYLOADS:
        assert payload in page.locator(".tm-panel").inner_text()
    remedy = {"id": ALL, "values": {ALL: ALL}, "action": {"verb": "cell", "args": {"code": ALL}}}
    finding = {"verdict": ALL, "trial": 1, "evidence": {ALL: ALL}, "remedies": [remedy]}
    ended = [
        *study(),
        ev.StudyEnded(reason=ev.EndReason.FAILURES, message=ALL),
        ev.StudyDiagnosed(findings=[finding]),
        ev.ModelExported(trial=1, target="tflite", mode=ALL, path=ALL, verdict=ev.Verdict.FAILED, message=ALL),
    ]
    panel.start(stamped(ended))
    panel.settle()
    page.locator(".tm-finding li button").click()
    panel.acknowledge(ok=False, message=ALL)
    strange = page.locator(".tm-panel").locator("img, script, iframe, a, math, body, details, textarea, style")
    assert strange.count() == 0
    page.wait_for_timeout(50)
    assert page.evaluate("() => window.pwned") is None
    assert panel.errors == []
