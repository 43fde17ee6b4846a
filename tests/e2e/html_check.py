#!/usr/bin/env python3
"""
html_check.py AXE DIRECTORY [SCREENSHOTS]: pages of condaimg inspect --html in a headless Chromium. In DIRECTORY: NAME.html
with what is known of its image as NAME.json (html_image.py). AXE is axe-core's script, or "". What is wrong is printed.
"""
import functools
import http.server
import json
import os
import re
import sys
import threading

from chromium import Chromium

axe_file, directory = sys.argv[1], sys.argv[2]
shots = sys.argv[3] if len(sys.argv) > 3 else None
axe = open(axe_file).read() if axe_file else None
UNSEEN = "[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f]"
if shots:
    os.makedirs(shots, exist_ok=True)
asked = []
wrong = []


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_GET(self):
        asked.append(self.path)
        super().do_GET()


def check(fact, *what):
    if not fact:
        wrong.append(" ".join(str(w) for w in what))


# ---- what the page says ----

def says_all(b, name, wanted):
    """Every layer and package, in the tables and behind the tiles, with the sizes that the image was made with."""
    layers = b.run("""[...document.querySelectorAll('#layers tbody tr')].map(r =>
        [Number(r.cells[2].dataset.v), r.cells[4].title, r.cells[1].textContent, Number(r.cells[3].dataset.v)])""")
    check(len(layers) == len(wanted["layers"]), name, "layers:", len(layers))
    for i, (row, want) in enumerate(zip(layers, wanted["layers"])):
        check(row[0] == want["size"] and row[1] == want["digest"], name, "layer", i + 1, row, want)
        check(row[3] == want.get("bytes", row[3]), name, "layer", i + 1, "has", row[3], "bytes, expected", want.get("bytes"))
        check(len(want["packages"]) > 12 or all(p in row[2] for p in want["packages"]), name, "layer", i + 1, row[2])
    for p in wanted["packages"]:
        p["version"] = re.sub(UNSEEN, "\ufffd", p["version"])
    packages = b.run("""[...document.querySelectorAll('#packages tbody tr')].map(r => ({
        name: r.querySelector('a').textContent, version: r.querySelector('.ver').textContent, licence: r.cells[1].textContent,
        layer: Number(r.cells[2].dataset.v), files: Number(r.cells[3].dataset.v), bytes: Number(r.cells[4].dataset.v),
        panel: document.querySelector(r.querySelector('a').hash).querySelector('h3').textContent}))""")
    by_name = {p["name"]: p for p in packages}
    check(len(packages) == len(wanted["packages"]), name, "packages:", len(packages))
    for want in wanted["packages"]:
        got = by_name.get(want["name"], {})
        for key in ("version", "layer", "bytes", "files"):
            if key in want:
                check(got.get(key) == want[key], name, want["name"], key, got.get(key), "expected", want[key])
        check(got.get("panel") == f"{want['name']} {want['version']}", name, "panel of", want["name"], got.get("panel"))
    check(sorted(by_name) == [p["name"] for p in packages], name, "packages are not sorted")


def draws_all(b, name):
    """Tiles cover the picture, do not overlap, and their areas are as their bytes; every item is behind one of them."""
    got = b.run("""(() => {
        const map = [...document.querySelectorAll('.map')].filter(m => m.getClientRects().length)[0].getBoundingClientRect();
        const tiles = [...document.querySelectorAll('.t')].filter(t => t.getClientRects().length).map(t => {
            const r = t.getBoundingClientRect(), panel = t.hash && document.querySelector(t.hash);
            return {x: r.x - map.x, y: r.y - map.y, w: r.width, h: r.height, hash: t.hash || '', title: t.title, name: t.textContent,
                behind: !t.hash ? [] : t.hash[1] === 'm' ? [...panel.querySelectorAll('a[href^="#p"]')].map(a => a.hash).filter(h => h !== '#picture') : [t.hash]};
        });
        const bytes = {};
        document.querySelectorAll('#packages tbody tr').forEach(r => bytes[r.querySelector('a').hash] = Number(r.cells[4].dataset.v));
        return {w: map.width, h: map.height, tiles, bytes, items: [...document.querySelectorAll('.panel[id^=p]')].map(p => '#' + p.id)};
    })()""")
    tiles, whole = got["tiles"], got["w"] * got["h"]
    covered = sum(t["w"] * t["h"] for t in tiles)
    check(abs(covered / whole - 1) < 0.005, name, "tiles cover", covered / whole, "of the picture")
    for i, a in enumerate(tiles):
        for c in tiles[:i]:
            over = min(a["x"] + a["w"], c["x"] + c["w"]) - max(a["x"], c["x"]), min(a["y"] + a["h"], c["y"] + c["h"]) - max(a["y"], c["y"])
            check(min(over) < 0.5, name, "tiles overlap:", a["title"], "and", c["title"])
    behind = [h for t in tiles for h in t["behind"]]
    check(sorted(behind) == sorted(set(behind)), name, "an item is behind two tiles")
    # What is too narrow to be hit is no link, and all else is one that is wide enough.
    for t in tiles:
        check(bool(t["hash"]) == (min(t["w"], t["h"]) >= 24), name, t["title"], "is", t["w"], "by", t["h"], t["hash"])
    thin = [t for t in tiles if not t["hash"]]
    check(len(thin) <= 1, name, "areas that are no links:", [t["title"] for t in thin])
    check(thin or set(got["items"]) == set(behind), name, "without a tile:", set(got["items"]) - set(behind))
    sized = [(sum(got["bytes"][h] for h in t["behind"]), t["w"] * t["h"], t) for t in tiles if t["hash"] and all(h in got["bytes"] for h in t["behind"])]
    scale = sum(s[0] for s in sized) / sum(s[1] for s in sized)
    for size, area, t in sized:
        off = abs(area * scale - size) / scale
        check(off < 2 * (t["w"] + t["h"]) + 2, name, "the area of", t["name"], "is off by", off, "pixels")


def keeps_quiet(b, name, url):
    """One document was asked for and nothing else; nothing was blocked, nothing failed."""
    urls = [e["params"]["request"]["url"] for e in b.events if e["method"] == "Network.requestWillBeSent"]
    check([u for u in urls if not u.startswith("data:")] == [url], name, "requests:", urls)
    check(asked == ["/" + os.path.basename(url)], name, "the server was asked for", asked)
    said = [e["params"]["entry"]["text"] for e in b.events if e["method"] == "Log.entryAdded"]
    said += [str(e["params"]) for e in b.events if e["method"] == "Runtime.exceptionThrown"]
    check(not said, name, "the browser says", said)
    check(b.run("document.scripts.length") == 1, name, "scripts")
    check(b.run("performance.getEntriesByType('resource').length") == 0, name, "resources")


def is_harmless(b, name):
    """No markup of the image became an element, an attribute or a link."""
    check(b.run("document.title") != "broken", name, "a script of the image ran")
    check(b.run("document.querySelectorAll('img,iframe,object,embed,form,link:not([href=\"data:,\"])').length") == 0, name, "elements")
    events = b.run("""[...document.querySelectorAll('*')].flatMap(e => [...e.attributes].map(a => a.name)).filter(n => n.startsWith('on') || n === 'style')""")
    check(not events, name, "attributes", events)
    links = b.run("[...document.querySelectorAll('[href]')].map(e => e.getAttribute('href')).filter(h => !/^(#[a-z0-9]+|https?:.*|data:,)$/.test(h))")
    check(not links, name, "links", links)
    lost = b.run("[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href')).filter(h => !document.getElementById(h.slice(1)))")
    check(not lost, name, "links to nothing", lost)
    ids = b.run("(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return ids.length - new Set(ids).size; })()")
    check(ids == 0, name, ids, "ids are there twice")
    html = open(os.path.join(directory, name + ".html"), encoding="utf-8").read()
    check("secret" not in html, name, "a password is in the page")
    check(not re.search(UNSEEN, html), name, "characters that nobody sees are in the page")


# WCAG 2.2, the rule of targets of 24 pixels included, which axe leaves out unless it is told.
def passes_axe(b, name):
    if not axe:
        return
    b.run(axe + ";0")
    got = json.loads(b.run("""axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}}).then(r => JSON.stringify(
        [r.passes.length, r.violations.map(v => [v.id, v.nodes.map(n => n.html + ' ' + n.failureSummary)])]))"""))
    check(got[0] > 30, name, "axe passes only", got[0], "rules")
    check(not got[1], name, "axe:", json.dumps(got[1])[:3000])


# What axe cannot judge: text on stripes.
def has_contrast(b, name):
    low = b.run("""(() => {
        const style = getComputedStyle(document.documentElement), value = n => style.getPropertyValue('--' + n).trim();
        const light = c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16) / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const ratio = (a, b) => { const [x, y] = [light(value(a)), light(value(b))].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
        return ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k5b', 'kx', 's0', 's1'].map(k => [k, ratio('ink', k)])
            .concat(['bg', 'soft', 'track'].flatMap(k => [[k, ratio('fg', k)], [k, ratio('dim', k)], [k, ratio('link', k)]]))
            .filter(r => r[1] < 4.5);
    })()""")
    check(not low, name, "contrast below 4.5:", low)


# ---- what one can do with it ----

def obeys(b, url):
    b.open(url)
    rows = "[...document.querySelectorAll('#packages tbody tr')].filter(r => !r.hidden).map(r => r.querySelector('a').textContent)"
    all_rows = b.run(rows)
    b.run("document.querySelectorAll('#packages th button')[4].click()")
    by_size = b.run("[...document.querySelectorAll('#packages tbody tr')].map(r => Number(r.cells[4].dataset.v))")
    check(by_size == sorted(by_size, reverse=True), "sorting by size", by_size)
    check(b.run("document.querySelectorAll('#packages th')[4].ariaSort") == "descending", "aria-sort")
    b.run("document.querySelectorAll('#packages th button')[0].click()")
    check(b.run(rows) == all_rows, "sorting by name")
    b.run("""(() => { const i = document.querySelector('input[type=search]'); i.value = 'GPL gnu'; i.dispatchEvent(new Event('input')); })()""")
    check(b.run(rows) == ["gnu"], "filter:", b.run(rows))
    check("1 of" in b.run("document.querySelector('[role=status]').textContent"), "the filter's status")
    # By keyboard alone: the first stop skips to the content, tiles can be reached, and one comes back from behind them.
    b.open(url)
    b.press("Tab", number=9)
    check(b.run("document.activeElement.className") == "skip", "the first stop is", b.run("document.activeElement.outerHTML"))
    check(b.run("document.activeElement.getBoundingClientRect().width") > 50, "the skip link is not seen when it has the focus")
    for _ in range(60):
        b.press("Tab", number=9)
        if b.run("document.activeElement.classList.contains('t')"):
            break
    tile = b.run("document.activeElement.id")
    check(tile, "no tile can be reached with Tab")
    check(b.run("getComputedStyle(document.activeElement).outlineStyle") == "solid", "a tile's focus is not seen")
    b.press("Enter", number=13, text="\r")
    panel = b.run("new Promise(r => setTimeout(() => r([location.hash, getComputedStyle(document.querySelector(location.hash)).display, document.activeElement.id]), 50))")
    check(panel[0] and panel[1] == "block" and panel[2] == panel[0][1:], "Enter on a tile:", panel)
    b.press("Escape", number=27)
    check(b.run("document.activeElement.id") == tile, "Escape leads to", b.run("document.activeElement.outerHTML.slice(0, 99)"))
    check(b.run("[...document.querySelectorAll('.panel')].every(p => getComputedStyle(p).display === 'none')"), "a panel stays open")


def works_without_script(b, url, name):
    b.call("Emulation.setScriptExecutionDisabled", value=True)
    b.open("about:blank")  # else the browser only scrolls
    b.open(url + "#p2")
    b.call("Emulation.setScriptExecutionDisabled", value=False)
    check(b.run("getComputedStyle(document.querySelector('#p2')).display") == "block", name, "without script, nothing is behind a tile")
    check(b.run("getComputedStyle(document.querySelector('.tools')).display") == "none", name, "without script, there is a filter that does nothing")


def compares(b, url, wanted):
    b.open(url)
    sent = b.run("[...document.querySelectorAll('#layers tbody tr')].map(r => r.cells[5].textContent)")
    for i, (text, known) in enumerate(zip(sent, wanted["known"])):
        check(text.startswith("there") if known else text.startswith("to send"), "layer", i + 1, "is", text)
    colour = "getComputedStyle([...document.querySelectorAll('.t')].filter(t => t.textContent.startsWith('gnu'))[0]).backgroundColor"
    push = b.run(colour)
    b.run("document.getElementById('by-kind').click()")
    check(b.run(colour) != "" and b.run("getComputedStyle(document.querySelector('.key-kind')).display") == "flex", "the choice of colours")
    check(push == b.run("(() => { const d = document.createElement('i'); d.className = 'dot s1'; document.body.append(d); return getComputedStyle(d).backgroundColor; })()"),
          "what is sent has not the colour of what is sent")


def visit(b, base, name, wanted):
    url = f"{base}/{name}.html"
    for width, dark in ((1600, False), (360, False), (360, True), (1600, True)):
        b.screen(width, 900, dark)
        asked.clear()
        b.open(url)
        keeps_quiet(b, name, url)
        has_contrast(b, name)
        check(b.run("document.documentElement.scrollWidth <= innerWidth"), name, "is wider than", width)
        if not dark:
            draws_all(b, f"{name} at {width}")
        if shots:
            b.picture(os.path.join(shots, f"{name}-{width}{'-dark' if dark else ''}.png"))
        if name != "many":  # more of the same, for which axe takes half a minute
            passes_axe(b, f"{name} at {width}{' dark' if dark else ''}:")
    says_all(b, name, wanted)
    is_harmless(b, name)
    works_without_script(b, url, name)
    if name == "plain":
        obeys(b, url)
        compares(b, url, wanted)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=directory))
threading.Thread(target=server.serve_forever, daemon=True).start()
browser = Chromium()
try:
    for entry in sorted(os.listdir(directory)):
        if entry.endswith(".html"):
            with open(os.path.join(directory, entry[:-5] + ".json")) as f:
                visit(browser, f"http://127.0.0.1:{server.server_address[1]}", entry[:-5], json.load(f))
finally:
    browser.close()
    server.shutdown()
for line in wrong[:40]:
    print(line)
sys.exit(1 if wrong else 0)
