"""The demo's pages, as one person sees and uses them."""

from graphql import build_schema
from playwright.sync_api import expect

from api.schema import printed
from tests.browser.window import Window

# What GraphiQL's own parts do, and no setting of theirs changes: a tab is a button within an element with the role of a
# tab, the explorer's fields for arguments and its list of operations have no names, and the editor has two kinds of
# words that are paler than the rest.
TABS = "nested-interactive"
EXPLORER = {"label", "select-name"}
CODE = ".view-lines"


def test_graphiql_asks_nobody_else_for_anything_and_nothing_goes_wrong(window: Window) -> None:
    response = window.open_graphiql()
    window.run()
    window.shows('"totalCount": 45')
    tabs = window.page.get_by_role("tab").all_inner_texts()

    assert response.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert window.page.title() == "GraphiQL - Shortship"
    assert tabs == ["List", "Preview", "Cancel", "Follow"]
    assert (window.asked_elsewhere, window.complaints) == ([], [])


def test_what_is_previewed_is_cancelled_followed_in_another_window_and_mailed(window: Window) -> None:
    followed = window.another()
    mailbox = window.another()

    followed.open_graphiql("Follow")
    followed.follow()
    window.open_graphiql("Preview")
    window.run()
    window.shows('"formatted": "$32.11"')
    window.go_to("Cancel")
    window.run()
    window.shows('"formatted": "$32.11"')
    followed.shows('"mailTo": "SENT"')
    mailbox.open("/mailbox")
    mail = mailbox.page.frame_locator("iframe").first

    expect(mail.get_by_role("heading", name="Part of your order was cancelled")).to_be_visible()
    expect(mail.get_by_text("Linen Wrap Dress").last).to_be_visible()
    expect(followed.page.get_by_role("button", name="Stop query")).to_be_visible()
    seen = (window, followed, mailbox)
    assert [(one.asked_elsewhere, one.complaints) for one in seen] == [([], [])] * 3


def test_a_step_of_the_start_page_opens_its_tab_and_a_reload_keeps_what_was_done(window: Window) -> None:
    start = window.open("/")
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

    assert "script" not in start.headers["content-security-policy"]
    assert tabs == ["List", "Mine", "Cancel", "Follow"]
    assert (window.asked_elsewhere, window.complaints) == ([], [])


def test_the_docs_have_the_description_of_a_type(window: Window) -> None:
    description = build_schema(printed()).type_map["CancelItemsInput"].description

    window.open_graphiql()
    window.press("Show Documentation Explorer")
    window.page.get_by_role("link", name="CancelItemsInput", exact=True).click()

    assert description
    expect(window.page.locator(".graphiql-doc-explorer")).to_contain_text(description)


def test_the_explorer_and_the_history_open(window: Window) -> None:
    window.open_graphiql()
    window.run()
    window.shows('"totalCount": 45')

    window.press("Show GraphiQL Explorer")
    expect(window.page.locator(".graphiql-explorer-root")).to_contain_text("orderByNumber")
    window.press("Show History")
    expect(window.page.locator(".graphiql-history-item")).to_contain_text(["List"])

    assert window.complaints == []


def test_the_main_parts_are_used_with_the_keyboard_alone(window: Window) -> None:
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


def test_the_start_page_and_the_mailbox_put_up_no_barriers(window: Window) -> None:
    window.open("/")
    start = window.barriers()
    window.open("/mailbox")
    mailbox = window.barriers()
    window.page.emulate_media(color_scheme="dark")
    in_the_dark = window.barriers()

    assert (start, mailbox, in_the_dark) == ({}, {}, {})


def test_graphiql_puts_up_no_barriers_but_its_own(window: Window) -> None:
    window.open_graphiql()
    window.run()
    window.shows('"totalCount": 45')
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
