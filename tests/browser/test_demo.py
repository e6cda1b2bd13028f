"""The demo's pages, as a person sees and uses them."""

import signal
from pathlib import Path

from graphql import build_schema
from playwright.sync_api import BrowserContext, Locator, ViewportSize, expect

from api.schema.served import printed
from tests.browser.window import Window
from tests.support.command import started
from tests.support.patience import PATIENCE_SECONDS

# Barriers in GraphiQL itself, which no setting removes: its tabs nest a button in an element with the role of a tab,
# the explorer's argument fields and operation list have no labels, and the editor draws two kinds of words too pale.
TABS = "nested-interactive"
EXPLORER = {"label", "select-name"}
CODE = ".view-lines"
STEPS = [
    *("Follow", "List", "Preview", "Cancel", "Refusal", "Package", "Order", "Split"),
    *("Import", "Update", "Door", "Settle"),
]
PHONE: ViewportSize = {"width": 390, "height": 844}
IS_WHOLE = """frame => {
  const height = frame.contentDocument.documentElement.offsetHeight;
  return height > 100 && frame.clientHeight >= height;
}"""


def lists_the_orders(window: Window) -> None:
    window.run()
    window.shows('"totalCount": 61')


def test_graphiql_makes_no_requests_elsewhere_and_logs_no_errors(window: Window) -> None:
    response = window.open_graphiql("List")
    lists_the_orders(window)
    tabs = window.page.get_by_role("tab").all_inner_texts()

    assert response.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert window.page.title() == "GraphiQL - Shortship"
    assert tabs == STEPS
    assert (window.asked_elsewhere, window.complaints) == ([], [])


def test_a_previewed_cancellation_is_made_followed_in_another_window_and_mailed(window: Window) -> None:
    followed = window.another()
    mailbox = window.another()
    mails = mailbox.page.locator(".mail")

    mailbox.open("/mailbox")
    expect(mails.first).to_be_visible()
    before = mails.count()
    oldest = mails.last
    oldest.locator("summary").first.click()
    followed.open_graphiql("Follow")
    followed.follow()
    window.open_graphiql("Preview")
    window.run()
    window.shows('"formatted": "$32.11"')
    window.go_to("Cancel")
    window.run()
    window.shows('"replayed": false')
    window.run()
    window.shows('"replayed": true')
    followed.shows('"mailTo": "SENT"')
    followed.shows('"__typename": "ItemsCancelled"')
    followed.shows('"formatted": "$32.11"')

    # The mail arrives without a reload, in full, and open mails stay open.
    expect(mails).to_have_count(before + 1)
    newest = mails.first
    expect(newest).to_contain_text("English (United States)")
    expect(newest).to_contain_text("Demo Shop <orders@shop.example>")
    mail = newest.frame_locator("iframe")
    expect(mail.get_by_role("heading", name="Part of your order was cancelled")).to_be_visible()
    expect(mail.get_by_text("Linen Wrap Dress").last).to_be_visible()
    is_whole(newest)
    is_whole(oldest)
    expect(followed.page.get_by_role("button", name="Stop query")).to_be_visible()
    seen = (window, followed, mailbox)
    assert [(one.asked_elsewhere, one.complaints) for one in seen] == [([], [])] * 3


def is_whole(mail: Locator) -> None:
    """Waits until the frame is visible and as tall as its content."""
    frame = mail.locator("iframe")
    expect(frame).to_be_visible()
    frame.page.wait_for_function(IS_WHOLE, arg=frame.element_handle())


def test_a_step_on_the_start_page_opens_its_tab_and_a_reload_keeps_edits(window: Window) -> None:
    window.open("/")
    with window.page.expect_popup() as opened:
        window.page.get_by_role("link", name="Preview").click()
    preview = Window(opened.value, window.origin)
    expect(preview.operation).to_contain_text("query Preview")
    preview.write_operation("query Mine { __typename }")
    preview.run()
    preview.shows('"__typename": "Query"')
    preview.is_kept("query Mine")
    preview.page.reload()
    expect(preview.operation).to_contain_text("query Mine")

    tabs = preview.page.get_by_role("tab").all_inner_texts()

    assert tabs == ["Mine" if step == "Preview" else step for step in STEPS]
    assert (window.asked_elsewhere, window.complaints) == ([], [])


def test_the_start_page_copies_the_token_and_the_command(window: Window) -> None:
    window.open("/")
    page = window.page
    copied: list[str] = []
    for name in ("Copy the token", "Copy the command"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_text("Copied.").nth(len(copied))).to_be_visible()
        copied.append(page.evaluate("navigator.clipboard.readText()"))

    token, command = copied
    assert token.startswith("Authorization: Bearer ey")
    assert command.startswith(f"curl {window.origin}/graphql")
    assert f"'{token}'" in command
    assert window.complaints == []


def test_open_pages_say_what_to_do_when_the_demo_stops_and_recover_when_it_is_back(
    browser: BrowserContext, tmp_path: Path
) -> None:
    with started(tmp_path, "demo", "--still") as (process, client):
        port = str(client.base_url.port)
        followed = Window(browser.new_page(), f"http://127.0.0.1:{port}")
        listed, mailbox = followed.another(), followed.another()
        trouble = mailbox.page.get_by_role("status")
        listed.open_graphiql("List")
        mailbox.open("/mailbox")
        expect(mailbox.page.locator(".mail")).to_have_count(6)
        followed.open_graphiql("Follow")
        followed.follow()
        process.send_signal(signal.SIGINT)
        code = process.wait(PATIENCE_SECONDS)
        followed.shows("There is no connection to the server.")
        listed.run()
        listed.shows("The server is not responding.")
        expect(trouble).to_contain_text("The demo is not responding")

    with started(tmp_path, "demo", "--still", port=port):
        lists_the_orders(listed)
        expect(trouble).to_be_empty()
        mailbox.page.reload()
        expect(mailbox.page.locator(".mail")).to_have_count(6)

    with started(tmp_path, "demo", "--still", "--reset", port=port):
        listed.run()
        listed.shows("This page's token is no longer valid: reload the page")
        followed.run()
        followed.shows("This page's token is no longer valid: reload the page")
        expect(trouble).to_contain_text("reload it")
        listed.page.reload()
        expect(listed.operation).to_contain_text("query List")
        lists_the_orders(listed)

    assert code == 0
    seen = [one.page.locator("body").inner_text() for one in (followed, listed, mailbox)]
    assert [text for text in seen if "stack" in text or "Error:" in text] == []


def test_invalid_responses_are_reported_without_a_stack_trace(window: Window) -> None:
    window.open_graphiql("List")
    window.page.route("**/graphql", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    window.run()
    window.shows("The response is not JSON")
    window.page.route("**/graphiql/config.json", lambda route: route.abort())
    window.page.unroute("**/graphql")
    window.open("/graphql")

    expect(window.page.get_by_text("The server is not responding. Restart it, then reload this page.")).to_be_visible()


def test_on_a_phone_the_answer_is_in_view(window: Window) -> None:
    window.page.set_viewport_size(PHONE)
    window.open("/graphql#2")
    expect(window.operation).to_contain_text("query List")
    window.has_understood(" List")
    lists_the_orders(window)

    place = window.answer.bounding_box()
    tab = window.page.get_by_role("tab", name="List").bounding_box()
    assert place
    assert tab
    assert (place["x"] >= 0, place["x"] + place["width"] <= PHONE["width"]) == (True, True)
    assert min(place["width"], place["height"]) > 200
    assert 0 <= tab["x"] < PHONE["width"]


def test_the_docs_show_the_description_of_a_type(window: Window) -> None:
    description = build_schema(printed()).type_map["CancelItemsInput"].description

    window.open_graphiql()
    window.press("Show Documentation Explorer")
    window.page.get_by_role("link", name="CancelItemsInput", exact=True).click()

    assert description
    expect(window.page.locator(".graphiql-doc-explorer")).to_contain_text(description)


def test_the_explorer_and_the_history_open(window: Window) -> None:
    window.open_graphiql("List")
    lists_the_orders(window)

    window.press("Show GraphiQL Explorer")
    expect(window.page.locator(".graphiql-explorer-root")).to_contain_text("orderByNumber")
    window.press("Show History")
    expect(window.page.locator(".graphiql-history-item")).to_contain_text(["List"])

    assert window.complaints == []


def test_the_main_parts_work_with_the_keyboard_alone(window: Window) -> None:
    window.open_graphiql()
    page = window.page

    window.tab_to(page.get_by_role("button", name="Show Documentation Explorer"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("All Schema Types")).to_be_visible()
    window.tab_to(page.get_by_role("button", name="Preview", exact=True))
    page.keyboard.press("Enter")
    window.has_understood("query Preview")
    window.tab_to(window.operation.locator(".graphiql-editor"))
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")

    window.shows('"orderStatusAfter"')


def test_the_start_page_and_the_mailbox_are_accessible(window: Window) -> None:
    window.open("/")
    start = window.barriers()
    window.open("/mailbox")
    is_whole(window.page.locator(".mail").first)
    mailbox = window.barriers()
    window.page.emulate_media(color_scheme="dark")
    in_the_dark = window.barriers()
    window.open("/")
    start_in_the_dark = window.barriers()

    assert (start, mailbox, in_the_dark, start_in_the_dark) == ({}, {}, {}, {})


def test_graphiql_has_no_accessibility_problems_but_its_own(window: Window) -> None:
    window.open_graphiql("List")
    lists_the_orders(window)
    plain = window.barriers(without=CODE)
    window.press("Show Documentation Explorer")
    expect(window.page.get_by_text("All Schema Types")).to_be_visible()
    docs = window.barriers(without=CODE)
    window.page.emulate_media(color_scheme="dark")
    in_the_dark = window.barriers(without=CODE)
    window.press("Show GraphiQL Explorer")
    expect(window.page.locator(".graphiql-explorer-root")).to_be_visible()
    explorer = window.barriers(without=CODE)

    assert (set(plain), set(docs), set(in_the_dark)) == ({TABS}, {TABS}, {TABS})
    assert set(explorer) == {TABS, *EXPLORER}
