"""A headless Chromium, the system's own, driven by Playwright."""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
PATIENCE = 30
SHOWN = "document.getElementById('large-body').ariaBusy === 'false'"
"""Whether the view of an image shows the image that was opened."""
SLOWNESS = 6
LATE_FILES = """
  const later = () => new Promise((done) => setTimeout(done, 400));
  const { append } = Element.prototype, { createImageBitmap } = window;
  Element.prototype.append = function (...nodes) {
    if (nodes[0] instanceof HTMLScriptElement) later().then(() => append.apply(this, nodes));
    else append.apply(this, nodes);
  };
  window.createImageBitmap = (...given) => later().then(() => createImageBitmap(...given));
"""


def installed() -> str | None:
    """Return the path of a Chromium, if there is one."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Tab:
    """A page, all that it said, and all that it asked for.

    Attributes:
        page: The page, for what has no method here.
        complaints: Errors, and what it wrote to the console.
        requests: URLs that it asked for.
    """

    def __init__(self, browser: Browser, *, is_slow: bool = False) -> None:
        self._context = browser.new_context(viewport={"width": 1280, "height": 900})
        self._context.set_default_timeout(1000 * PATIENCE)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = self._context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self._session = self._context.new_cdp_session(self.page)
        if is_slow:
            self._session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWNESS})
            self.page.add_init_script(LATE_FILES)

    def close(self) -> None:
        """Close the page."""
        self._context.close()

    def open(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self.page.goto(url)

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        """Give the window a size."""
        self._session.send(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile},
        )

    def dark(self) -> None:
        """Prefer dark colours."""
        self.page.emulate_media(color_scheme="dark")

    def run(self, script: str) -> Any:
        """Return the value of an expression, or of a promise, in the page."""
        try:
            return self.page.evaluate(script)
        except Error as error:
            raise RuntimeError(error.message) from error

    def wait(self, script: str) -> Any:
        """Wait until an expression is true, and return it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.run(script)
            if value:
                return value
            self.page.wait_for_timeout(20)
        raise TimeoutError(script)

    def press(self, *keys: str) -> None:
        """Press keys one after another, by name or character."""
        for key in keys:
            self.page.keyboard.press(key)

    def point(self, selector: str, *, click: bool = False) -> None:
        """Move the mouse to an element, and click on it."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.page.mouse.move(*box)
        if click:
            self.page.mouse.click(*box)

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        self.page.screenshot(path=path)


@contextlib.contextmanager
def chromium(path: str, *, is_slow: bool = False) -> Iterator[Callable[[], Tab]]:
    """Start a Chromium with an empty profile; called, it opens a tab.

    In a slow one, everything takes longer, and what a page loads later comes late.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        try:
            yield lambda: Tab(browser, is_slow=is_slow)
        finally:
            browser.close()
