# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML report in a browser: a reader's way through it, at a desk and on a phone.

Chromium is the distribution's (tools/packages.txt). Every test also fails if the page asked for
anything but itself, wrote to the browser's console, or threw.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

import report_samples as samples
from hvlab.report import html
from hvlab.scenario.results import Outcome, RunResult

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: pip install playwright"
)
expect = sync_api.expect

FAILED = samples.case(11, Outcome.FAILED)
PAIR = samples.pair(400)
HOSTILE = samples.hostile(401)
FLAKY = samples.flaky(37)
REPEATED = [replace(samples.case(300, Outcome.FAILED if n == 2 else Outcome.PASSED), repetition=n)
            for n in range(4)]  # fmt: skip
DESK = {"viewport": {"width": 1400, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 780}, "has_touch": True, "is_mobile": True,
         "device_scale_factor": 2}  # fmt: skip


def sample_run() -> RunResult:
    run = samples.run_of(48)
    run.cases += [PAIR, HOSTILE, *REPEATED]
    return run


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("html") / "report.html"
    run = sample_run()
    html.write(path, samples.saved(run), [samples.earlier(run, age) for age in (4, 3, 2, 1)])
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        # Chromium's sandbox wants a user of its own; the page is ours.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


Opened = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Opened]:
    """Opens the report at a place: `opened(DESK, view="cases")`."""
    noticed: list[str] = []
    contexts = []

    def open_page(device: dict[str, Any] | None = None, /, path: str = "", **place: str) -> Any:
        more = {key: place.pop(key) for key in ("color_scheme",) if key in place}
        context = browser.new_context(**(device or DESK), **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        here = path or address
        page.on("console", lambda message: noticed.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noticed.append(f"error: {error}"))
        page.on("dialog", lambda dialog: noticed.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _own(request.url, here) or noticed.append(request.url))
        page.goto(f"{here}#{urlencode(place)}")
        page.wait_for_selector("#tabs a")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert noticed == []


def _own(url: str, here: str) -> bool:
    return url.split("#")[0] == here or url.startswith("data:image/svg+xml")


def case_page(opened: Opened, key: str, device: dict[str, Any] | None = None) -> Any:
    page = opened(device, view="cases", case=key)
    page.wait_for_selector("#case .part")
    return page


def no_overflow(page: Any) -> bool:
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return bool(width[0] <= width[1])


# At a desk.


def test_overview(opened: Opened) -> None:
    page = opened()
    run = sample_run()
    flaky = sum(case.flaky for case in run.cases)
    totals = {re.sub(r"\W", "", text.split()[-1]): int(text.split()[0])
              for text in page.locator(".total").all_inner_texts()}  # fmt: skip
    assert totals == {
        "failed": run.count(Outcome.FAILED), "error": 1, "flaky": flaky,
        "passed": run.count(Outcome.PASSED) - flaky, "skipped": run.count(Outcome.SKIPPED),
    }  # fmt: skip
    expect(page.locator(".brand")).to_contain_text(f"{run.count(Outcome.FAILED)} failed, 1 error")
    expect(page.locator("aside")).to_contain_text("Linux 6.1.0 x86_64")
    expect(page.locator("aside")).to_contain_text("2026-01-02 03:04:05 +00:00")
    # The cases of one reason stand together, with a link to each.
    group = page.locator(".groups > li", has_text="did not come within 5 s")
    expect(group).to_contain_text(f"{run.count(Outcome.FAILED)} cases")
    expect(page.locator(".slowest li")).to_have_count(10)
    expect(page.get_by_text("attempt 2")).to_be_visible()
    group.get_by_role("link").first.click()
    expect(page.locator("#case h1")).to_contain_text("failed")


def test_filter_and_its_link(opened: Opened) -> None:
    page = opened(view="cases")
    rows = page.locator(".cases a")
    expect(rows).to_have_count(54)
    page.keyboard.press("/")
    page.keyboard.type("boot-1 memory=64")
    expect(rows).to_have_count(2)
    expect(page.locator(".found")).to_contain_text("2 of 54 cases")
    assert "q=boot-1" in page.url
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(54)
    page.get_by_role("button", name="failed").click()
    page.get_by_role("button", name="flaky").click()
    expect(rows).to_have_count(4)
    page.get_by_label("Backend").select_option("kvm")
    page.get_by_label("Tag", exact=True).select_option("smoke")
    expect(rows).to_have_count(1)
    expect(page.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Backend")).to_have_value("kvm")
    page.go_back()
    expect(page.get_by_label("Tag", exact=True)).to_have_value("")
    page.get_by_label("Order").select_option("slow")
    page.get_by_role("link", name="Show all").click()
    times = [
        float(text.split()[0]) for text in page.locator(".cases .time").all_inner_texts() if text
    ]
    assert times == sorted(times, reverse=True)
    assert len(times) > 40


def test_arrow_keys_go_from_case_to_case(opened: Opened) -> None:
    page = opened(view="cases", outcome="failed")
    page.locator(".cases a").first.click()
    first = page.locator("#case h1").inner_text()
    page.locator(".cases a").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#case h1")).not_to_have_text(first)
    expect(page.locator(".cases a").nth(1)).to_have_attribute("aria-current", "true")


def test_a_failed_case_has_all_that_it_left(opened: Opened) -> None:
    page = case_page(opened, FAILED.id)
    expect(page.locator(".failure pre")).to_contain_text('- expect: {text: "login:", within: 5s}')
    expect(page.locator(".operands")).to_contain_text("ready.time1.2 s")
    at_end = "log => log.scrollTop + log.clientHeight > log.scrollHeight - 5"
    assert page.locator(".log").evaluate(at_end)
    expect(page.locator(".steps tbody tr")).to_have_count(4)
    expect(page.locator(".steps tbody tr").last.locator(".mark")).to_have_class("mark failed")
    expect(page.locator(".copyable code")).to_have_text(FAILED.reproduce)
    for text in ("start_kernel+0x6a0", "ud2", "rbx=ffffffff82610980"):
        expect(page.locator("#case")).to_contain_text(text)
    expect(page.locator(".laststop")).to_contain_text("rip 0xfffffffffffffff9")
    expect(page.locator(".events tbody tr")).to_have_count(24)
    width = "image => image.decode().then(() => image.naturalWidth)"
    assert page.locator("img.screen").evaluate(width) == 640
    page.get_by_text("Properties").click()
    expect(page.locator("#case .properties")).to_contain_text("image.linux.sha256")


def test_the_command_is_copied(opened: Opened) -> None:
    page = case_page(opened, FAILED.id)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_role("button", name="Copy the command")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == FAILED.reproduce


def test_timeline_is_zoomed_and_moved(opened: Opened) -> None:
    page = case_page(opened, FAILED.id)
    shown = page.locator(".range")
    whole = shown.inner_text()
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()

    def changes(action: Callable[[], Any]) -> None:
        before = shown.inner_text()
        action()
        expect(shown).not_to_have_text(before)

    changes(page.get_by_role("button", name="Zoom in").click)
    changes(page.get_by_role("button", name="Earlier").click)
    stage.focus()
    for key in ("+", "ArrowRight", "ArrowLeft", "End", "-", "Home"):
        changes(lambda key=key: page.keyboard.press(key))
    page.keyboard.press("0")
    expect(shown).to_have_text(whole)
    box = stage.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 60
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    changes(lambda: page.mouse.wheel(0, -240))
    page.keyboard.up("Control")
    page.mouse.down()
    changes(lambda: page.mouse.move(x - 150, y, steps=4))
    page.mouse.up()
    # Down to single nanoseconds, and no further.
    for _ in range(40):
        page.get_by_role("button", name="Zoom in").click()
    deep = shown.inner_text()
    page.get_by_role("button", name="Zoom in").click()
    expect(shown).to_have_text(deep)
    page.get_by_role("button", name="Show all of it").click()
    expect(shown).to_have_text(whole)


def test_timeline_console_and_steps_lead_to_each_other(opened: Opened) -> None:
    page = case_page(opened, FAILED.id)
    shown = page.locator(".range")
    whole = shown.inner_text()
    page.locator(".steps").get_by_role("button", name="expect stop").click()
    expect(shown).not_to_have_text(whole)
    line = page.locator(".log .line").nth(120)
    line.locator(".stamp").click()
    expect(page.locator(".lanes .point")).to_have_count(1)
    # An instant tells what it is, and leads to its line.
    for _ in range(12):
        page.get_by_role("button", name="Zoom in").click()
    line.locator(".stamp").click()
    row = page.locator(".names span").all_inner_texts().index("console")
    box = page.locator(".stage").bounding_box()
    point = page.locator(".lanes .point").evaluate("line => +line.getAttribute('x1')")
    x, y = box["x"] + point, box["y"] + 22 + 26 * row + 13
    page.mouse.move(x, y)
    text = line.locator(".text").inner_text()
    expect(page.locator(".tip")).to_contain_text(text[:60])
    page.mouse.click(x, y)
    expect(page.locator(".line.pointed .text")).to_have_text(text)


def test_the_timeline_draws_as_much_as_fits(browser: Any, opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "long.html"
    case = samples.case(0, lines=1000)
    html.write(path, samples.saved(RunResult([case])))
    page = opened(path=path.as_uri(), view="cases", case=case.id)
    page.wait_for_selector(".lanes .instant")
    assert page.locator(".lanes *").count() < 400
    expect(page.locator(".log .line")).to_have_count(1000)
    expect(page.locator("#case")).to_contain_text("the last 1,000 lines")


def test_machines_have_lanes_and_consoles_of_their_own(opened: Opened) -> None:
    page = case_page(opened, PAIR.id)
    lanes = page.locator(".names span").all_inner_texts()
    wanted = {"server steps", "server console", "client console", "client events", "client stop"}
    assert wanted < set(lanes)
    expect(page.locator(".log")).to_have_count(2)
    expect(page.locator("h2.machine")).to_have_text(["Machine server", "Machine client"])


def test_console_search(opened: Opened) -> None:
    page = case_page(opened, FAILED.id)
    lines = [line for _, line in FAILED.machines[0].log]
    wanted = "SERIAL8250: ttyS0"  # whatever the case
    total = sum(wanted.lower() in line.lower() for line in lines)
    assert total > 3
    search = page.get_by_label("Search the console")
    search.fill(wanted)
    expect(page.locator(".hits")).to_have_text(f"1 of {total}")
    expect(page.locator(".log mark")).to_have_count(total)
    search.press("Enter")
    expect(page.locator(".hits")).to_have_text(f"2 of {total}")
    search.press("Shift+Enter")
    page.get_by_role("button", name="Previous hit").click()
    expect(page.locator(".hits")).to_have_text(f"{total} of {total}")
    expect(page.locator("mark.current")).to_be_in_viewport()
    search.fill("(.*[")
    expect(page.locator(".hits")).to_have_text("no hit")
    search.fill("")
    expect(page.locator(".log mark")).to_have_count(0)


def test_matrix(opened: Opened) -> None:
    page = opened(view="matrix")
    page.get_by_label("Scenario").select_option(label="boot-1")
    page.get_by_label("Rows").select_option("backend")
    expect(page.locator(".matrix tbody th")).to_have_text(["unicorn", "kvm"])
    heads = page.locator(".matrix thead th").all_inner_texts()
    assert heads[1:] == ["64MiB", "128MiB", "256MiB", "1GiB"]
    kinds = [cell.get_attribute("class") for cell in page.locator(".matrix td").all()]
    assert kinds == ["cell passed"] * 5 + ["cell failed", "cell passed", "cell skipped"]
    page.locator(".cell.failed a").click()
    expect(page.locator("#case h1")).to_contain_text("boot-1 backend=kvm memory=128MiB")
    page.go_back()
    # Of all scenarios, a cell has several cases, and leads to the list of them.
    page.get_by_label("Scenario").select_option("")
    page.get_by_label("Columns").select_option("backend")
    cell = page.locator(".matrix tr", has_text="boot-1").locator(".cell.failed a")
    expect(cell).to_contain_text("1/4")
    cell.click()
    expect(page.locator(".cases a")).to_have_count(4)
    expect(page.locator(".condition")).to_have_text(["scenario: boot-1", "backend: kvm"])


def test_measures_against_earlier_runs(opened: Opened) -> None:
    page = opened(view="measures", measure="boot_time")
    rows = page.locator(".measures tbody tr:not(.below)")
    assert rows.count() > 40
    expect(page.locator(".page")).to_contain_text("4 earlier runs: nightly-4, nightly-3")
    first = rows.first
    expect(first).to_contain_text("< 5*second")
    assert re.search(r"−\d+\.\d %", first.inner_text())
    first.get_by_role("button", name="Plot of boot_time").click()
    plot = page.locator(".plot").first
    expect(plot.locator("circle")).to_have_count(5)
    expect(plot.locator("circle.now")).to_have_count(1)
    expect(plot).to_contain_text("this run")
    # What every case has is shown when it is asked for, and on the page of a case.
    expect(page.locator("table.measures")).not_to_contain_text("instructions")
    page.get_by_label("Measure", exact=True).select_option("instructions")
    expect(rows.first).to_contain_text("±0 %")
    page = case_page(opened, sample_run().cases[0].id)
    names = page.locator(".measures tbody tr:not(.below) td:first-child").all_inner_texts()
    assert names == ["boot_time", "memory_used", "guest_time", "instructions", "wall", "cpu"]


def test_attempts_and_repetitions(opened: Opened) -> None:
    page = case_page(opened, FLAKY.id)
    expect(page.locator("#case h1")).to_contain_text("flaky")
    page.get_by_text("Attempt 1:").click()
    expect(page.locator("#case details pre").first).to_contain_text("failed: the text 'login:'")
    expect(page.locator("#case")).to_contain_text(f"seed {FLAKY.attempts[0].seed}")
    page = case_page(opened, f"{REPEATED[2].id}#2")
    expect(page.locator(".runs a")).to_have_count(4)
    expect(page.locator(".runs a[aria-current]")).to_have_class("run failed")
    page.locator(".runs a").first.click()
    expect(page.locator("#case h1")).to_contain_text("passed")


def test_dark_and_light(opened: Opened) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page = opened(color_scheme="dark")
    dark = page.evaluate(ground)
    theme = page.locator("#theme")
    theme.click()
    light = page.evaluate(ground)
    assert light == "rgb(255, 255, 255)" != dark
    theme.click()
    page.reload()  # the choice is kept, by the browser
    assert page.evaluate(ground) == dark
    expect(theme).to_contain_text("Dark")
    theme.click()
    expect(theme).to_contain_text("Auto")
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == light


def test_hostile_text_does_nothing(opened: Opened) -> None:
    page = opened(view="cases", q="owned")
    page.locator(".cases a").first.click()
    page.wait_for_selector("#case .part")
    expect(page.locator(".log .text").first).to_have_text(samples.HOSTILE[0])
    assert "\u202e" not in page.locator("body").inner_text()
    page.get_by_label("Search the console").fill("<img")
    expect(page.locator(".log mark")).to_have_text(["<img"])
    page.locator("img.screen").evaluate("image => image.decode()")
    for view in ("overview", "matrix", "measures"):
        page.locator("#tabs").get_by_role("link", name=view.capitalize()).click()
        expect(page.locator("#content")).to_contain_text("<script>")
    for axis in (f"={samples.HOSTILE[1]}", "=__proto__", "=constructor"):
        page.goto(f"{page.url.split('#')[0]}#{urlencode({'view': 'matrix', 'columns': axis})}")
        expect(page.get_by_label("Columns")).to_have_value(axis)
    assert "hvlab" in page.title()
    assert page.locator("#content script, #content img[onerror], #content [onload]").count() == 0


def test_hostile_links_do_nothing(opened: Opened) -> None:
    for place in (
        {"view": "__proto__"}, {"view": "constructor"}, {"view": "cases", "case": "<img src=x>"},
        {"view": "cases", "cell": "=__proto__=x&toString=y", "sort": "constructor"},
        {"view": "matrix", "rows": "constructor", "columns": "=nothing", "scenario": "<b>"},
        {"view": "measures", "measure": "__proto__"}, {"q": "(" * 500, "view": "cases"},
    ):  # fmt: skip
        page = opened(**place)
        assert page.locator("#content > *").count() > 0


def test_what_gets_into_the_page_does_not_run(browser: Any, address: str) -> None:
    """The second line of defence: the policy, should a text ever become an element."""
    page = browser.new_page()
    page.goto(address)
    # The picture is refused, and then what should happen on that error.
    with page.expect_console_message(lambda message: "script-src" in message.text):
        page.evaluate("""() => document.body.insertAdjacentHTML("beforeend",
            `<img src="x.png" onerror="document.title = 'owned'">`)""")
    assert page.title() != "owned"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(opened: Opened, scheme: str) -> None:
    """By the rules of axe-core: names, landmarks, headings, contrast and more."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    places: tuple[dict[str, str], ...] = (
        {}, {"view": "cases"}, {"view": "cases", "case": FAILED.id}, {"view": "cases", "case": PAIR.id},
        {"view": "matrix"}, {"view": "measures"},
    )  # fmt: skip
    for place in places:
        page = opened(color_scheme=scheme, **place)
        page.wait_for_selector("#case .part" if "case" in place else "#content > *")
        results = axe.run(page)
        assert results.violations_count == 0, results.generate_report()
        for landmark in ("banner", "navigation", "main"):
            expect(page.get_by_role(landmark)).to_have_count(1)


def test_without_javascript_there_is_a_summary(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, **DESK)
    page = context.new_page()
    page.goto(address)
    expect(page.locator("noscript tbody tr")).to_have_count(54)
    expect(page.locator("noscript table")).to_contain_text("did not come within 5 s")
    context.close()


# On a phone.


@pytest.mark.parametrize("view", ["overview", "cases", "matrix", "measures"])
def test_phone_width(opened: Opened, view: str) -> None:
    page = opened(PHONE, view=view)
    page.wait_for_selector("#content > *")
    assert no_overflow(page)


@pytest.mark.parametrize("case", [FAILED, PAIR, HOSTILE, FLAKY], ids=lambda case: case.name[:4])
def test_phone_width_of_a_case(opened: Opened, case: Any) -> None:
    page = case_page(opened, case.id, PHONE)
    assert no_overflow(page)


def test_phone_goes_from_list_to_case_and_back(opened: Opened) -> None:
    page = opened(PHONE, view="cases", outcome="failed")
    page.locator(".cases a").first.tap()
    expect(page.locator("#case h1")).to_be_visible()
    expect(page.locator(".cases")).to_be_hidden()
    page.get_by_role("link", name="All cases").tap()
    expect(page.locator(".cases a").first).to_be_visible()
    expect(page.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "true")


def test_two_fingers_zoom_the_timeline(opened: Opened) -> None:
    page = case_page(opened, FAILED.id, PHONE)
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    shown = page.locator(".range")
    whole = shown.inner_text()
    session = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + 60

    def touch(kind: str, apart: float) -> None:
        fingers = (-1, 1) if apart else ()
        points = [{"x": x + side * apart, "y": y, "id": side + 1} for side in fingers]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 20)
    for apart in (30, 45, 60, 80):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    expect(shown).not_to_have_text(whole)
    assert no_overflow(page)
