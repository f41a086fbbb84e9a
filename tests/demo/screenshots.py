"""Take every picture of the README and of the page in the apps menu.

    python -m tests.demo.screenshots --url http://127.0.0.1:8069 --database demo

on a running Odoo with the demo database. The pictures go to static/description under
the names of the functions; tests/docs says when a document shows one that is not made
here.
"""

import argparse
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from .scene import Scene
from .web_client import Odoo

FOLDER = Path(__file__).parents[2] / "ropo_collection/static/description"
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
WIDTH, HEIGHT = 1280, 800
PICTURES = {}


def picture(width=WIDTH, height=HEIGHT):
    """A picture with the name of the function that goes there."""

    def register(function):
        PICTURES[function.__name__] = (function, width, height)
        return function

    return register


class Camera:
    def __init__(self, page, url, odoo, found, folder):
        self.page = page
        self.folder = folder
        self.url = url
        self.odoo = odoo
        self.found = found

    def open(self, path, *visible):
        """A page of the web client, when what must be on it is there."""
        self.page.goto(f"{self.url}/{path}")
        for selector in visible:
            self.see(selector)

    def see(self, selector):
        self.page.locator(selector).first.wait_for()

    def press(self, selector, *visible):
        self.page.locator(selector).first.click()
        for each in visible:
            self.see(each)

    def take(self, name):
        """At rest: nothing moves, and no pointer or message lies over the page."""
        self.page.mouse.move(0, 0)
        self.page.wait_for_function(
            "!document.querySelector('.o_loading_indicator')"
            " && [...document.images].every((image) => image.complete)"
        )
        self.page.wait_for_timeout(400)
        self.page.evaluate(
            "document.querySelectorAll('.o_notification').forEach((n) => n.remove())"
        )
        image = Image.open(io.BytesIO(self.page.screenshot()))
        # 128 colours are enough for a screen, and a quarter of the size.
        image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
            self.folder / f"{name}.png", optimize=True
        )


@picture(height=600)
def ready(camera):
    camera.open("odoo/ropo-ready", ".o_data_row")
    camera.press(
        "thead .o_list_record_selector", ".o_selection_box, .o_list_selection_box"
    )


@picture()
def transfer(camera):
    ready(camera)
    camera.press("button[name=action_ropo_transfer]", ".modal .o_data_row")


@picture()
def invoice(camera):
    move = camera.found["part paid"][0]
    camera.open(f"odoo/action-account.action_move_out_invoice/{move}", ".o_form_view")
    camera.press(".nav-link[name=ropo], .nav-link:has-text('Ropo')")


@picture(height=1000)
def case(camera):
    camera.open(f"odoo/ropo-cases/{camera.found['part paid'][1]}", ".o_form_view")


@picture()
def cases(camera):
    camera.open("odoo/ropo-cases", ".o_data_row")
    camera.press(".o_switch_view.o_kanban", ".o_kanban_record")


@picture(height=600)
def reports(camera):
    camera.open("odoo/ropo-reports", ".o_list_view")


@picture(height=1000)
def settings(camera):
    camera.open("odoo/settings", ".o_setting_container")
    camera.press(".settings_tab .tab[data-key=account]", "#ropo_environment")
    camera.page.locator("#ropo_environment").first.evaluate(
        "node => node.closest('.app_settings_block > *').scrollIntoView()"
    )


@picture(height=600)
def dashboard(camera):
    camera.open(
        "odoo/action-account.open_account_journal_dashboard_kanban", ".o_kanban_record"
    )


@picture(height=600)
def attention(camera):
    camera.open("odoo/ropo-attention", ".o_data_row, .o_kanban_record")


@picture(height=700)
def figures(camera):
    camera.open("odoo/ropo-figures", ".o_pivot, .o_list_view")


@picture(height=700)
def payment(camera):
    [move] = camera.odoo.call(
        "account.move", "read", [camera.found["part paid"][0]], ["matched_payment_ids"]
    )
    [payment] = move["matched_payment_ids"]
    camera.open(
        f"odoo/action-account.action_account_payments/{payment}", ".o_form_view"
    )


@picture(height=700)
def customer(camera):
    partner = camera.odoo.one(
        "res.partner", [("name", "=", "Mallimyymälä Oy (sample)")], "id"
    )
    camera.open(
        f"odoo/action-account.res_partner_action_customer/{partner['id']}",
        ".o_form_view",
    )


@picture(height=700)
def settlement(camera):
    camera.open(f"odoo/ropo-settlements/{camera.found['settlement']}", ".o_form_view")


@picture()
def portal(camera):
    camera.open(f"my/invoices/{camera.found['reminder'][0]}", "#ropo_notice")


def browser_program():
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    sys.exit("No Chromium or Chrome is installed.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("names", nargs="*", help="some pictures instead of all")
    parser.add_argument("--language", help="fi_FI, sv_SE or nb_NO instead of English")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PICTURES):
        sys.exit(f"There is no picture {', '.join(sorted(unknown))}.")
    odoo = Odoo(options.url, options.database)
    scene = Scene(odoo)
    if options.language:
        scene.speak(options.language)
    found = scene.build()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_program(), args=["--no-sandbox"]
        )
        locale = (options.language or "en_US").replace("_", "-")
        page = browser.new_page(locale=locale)
        page.goto(f"{options.url}/web/login")
        page.fill("input[name=login]", "admin")
        page.fill("input[name=password]", "admin")
        page.press("input[name=password]", "Enter")
        page.locator(".o_web_client").wait_for()
        camera = Camera(page, options.url, odoo, found, options.folder)
        for name in options.names or PICTURES:
            function, width, height = PICTURES[name]
            page.set_viewport_size({"width": width, "height": height})
            function(camera)
            camera.take(name)
            print(name, flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
