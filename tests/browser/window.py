"""A browser window, and what happens in it."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response, WebSocket, expect

_GRAVE = {"serious", "critical"}
_STOPS = 300
_TURNS = 500


class Window:
    """Records requests to other servers, and what the browser complained about."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.asked_elsewhere: list[str] = []
        self.complaints: list[str] = []
        self._sent: list[str] = []
        self.origin = origin
        page.set_default_timeout(30_000)
        page.on("request", self._note_request)
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("websocket", self._note_socket)

    def another(self) -> "Window":
        """A second window of the same browser, on the same server."""
        return Window(self.page.context.new_page(), self.origin)

    def open(self, path: str) -> Response:
        response = self.page.goto(self.origin + path)
        assert response
        return response

    def open_graphiql(self, tab: str = "") -> Response:
        """Opens GraphiQL, at the given tab of the demo if any, and waits until it has the schema."""
        with self.page.expect_response(lambda response: response.request.method == "POST"):
            response = self.open("/graphql")
        expect(self.operation).to_contain_text("{")
        if tab:
            self.go_to(tab)
        return response

    def go_to(self, tab: str) -> None:
        self.press(tab)
        self.has_understood(f" {tab}")  # after query, mutation or subscription

    @property
    def operation(self) -> Locator:
        return self.page.get_by_label("Operation Editor")

    @property
    def answer(self) -> Locator:
        return self.page.locator(".graphiql-response")

    def press(self, name: str) -> None:
        self.page.bring_to_front()  # windows in the background rarely repaint
        self.page.get_by_role("button", name=name, exact=True).click()

    def run(self) -> None:
        self.press("Execute query (Ctrl-Enter)")

    def shows(self, text: str) -> None:
        """Waits until the answer contains the text."""
        expect(self.answer).to_contain_text(text)

    def follow(self) -> None:
        """Runs the subscription, and waits until it was sent."""
        self.run()
        for _ in range(_TURNS):
            if any('"subscribe"' in frame for frame in self._sent):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError("no subscription was sent")

    def has_understood(self, operation: str) -> None:
        """Waits until GraphiQL has noticed an edit, which takes it a moment."""
        stored = "[sessionStorage, localStorage].some(storage => storage['graphiql:query']?.includes(text))"
        self.page.wait_for_function(f"text => {stored}", arg=operation)

    def is_kept(self, text: str) -> None:
        """Waits until the text would survive a reload."""
        self.page.wait_for_function("text => sessionStorage['graphiql:tabState']?.includes(text)", arg=text)

    def write_operation(self, text: str) -> None:
        self.write("Operation Editor", text)
        self.has_understood(text)

    def write(self, editor: str, text: str) -> None:
        """Pastes over an editor's content: typing would trigger auto-completion."""
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.page.get_by_label(editor, exact=True).locator(".view-lines:visible").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Control+V")

    def tab_to(self, target: Locator) -> None:
        """Presses Tab until the target has the focus."""
        for _ in range(_STOPS):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError("the Tab key does not reach it")

    def barriers(self, without: str = "") -> dict[str, list[str]]:
        """Serious accessibility problems by axe's rule name, ignoring what matches the selector `without`."""
        found: list[dict[str, Any]] = (
            Axe().run(self.page, {"exclude": [without]} if without else None).response["violations"]
        )
        return {
            violation["id"]: [node["html"] for node in violation["nodes"]]
            for violation in found
            if violation["impact"] in _GRAVE
        }

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:")):
            self.asked_elsewhere.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _note_socket(self, socket: WebSocket) -> None:
        if not socket.url.startswith(self.origin.replace("http", "ws")):
            self.asked_elsewhere.append(socket.url)
        socket.on("framesent", self._note_frame)

    def _note_frame(self, frame: str | bytes) -> None:
        self._sent.append(str(frame))
