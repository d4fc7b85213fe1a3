#!/usr/bin/env python3
"""Writes handbook.pdf: four A4 pages, the second in two columns. Needs nothing but Python.

Plain PDF 1.4 with two of the standard fonts, so that every byte of the sample can be explained.
The same input always gives the same file: no dates, no ids.
"""
from pathlib import Path

WIDTH, HEIGHT, MARGIN, GAP = 595, 842, 72, 26
# Advance widths of Times-Roman for the characters 32 to 126, in thousandths of the size.
TIMES = [
    250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278,
    500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444,
    921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722,
    556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500,
    333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500,
    500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541]

# Number of columns and text of each page. Blank lines separate paragraphs, # and ## are headings,
# || begins a column.
PAGES = [
    (1, """
# Gateway handbook

This handbook is for the people who look after the message gateways in the harbour. It describes
the machines, the daily work and what to do when something fails. The source code has its own
notes; nothing in here is needed to build it.

## What a gateway does

Sensors on the piers measure water level, wind and temperature. Each of them opens a connection to
the nearest gateway and sends one reading per line. The gateway keeps the readings in its archive
and the office copies them every morning.

A gateway has no screen and no keyboard. A green lamp on the front of the cabinet shows that it is
running, a yellow lamp that the archive is nearly full, and a red lamp that it has stopped.

## Who to call

During the day the harbour office answers all questions. At night and on holidays call the lock
keeper, who has a key to every cabinet. Write each visit into the cabinet book, with the time and
the reason.
"""),
    (2, """
## Every morning

Walk along the cabinets before the office opens and look at the lamps. A yellow lamp may wait
until noon; a red lamp may not. Note the state of every lamp in the cabinet book.

Then check that the archive of the past night has arrived in the office. The newest segment must
be younger than one hour. If it is older, restart the gateway with the black button inside the
door and wait until the green lamp is steady.

## Every week

Clean the dust filters on Monday. Use the small brush that hangs on the inside of the door and
never use water. A blocked filter makes the machine hot, and a hot machine loses readings.

||

## Every month

Replace the silica bag in each cabinet. Send the used bags back to the workshop, where they are
dried and used again.

Check the door seal with a strip of paper: when the closed door lets the paper slip out, order a
new seal.

## When the red lamp is on

Do not open the cabinet at once. Read the number on the small display first, because it disappears
when the door opens. Numbers below twenty are power failures and need no repair. All other numbers
belong into a report to the workshop.

After a power failure the gateway starts by itself as soon as the current is back. The sensors
connect again within a minute, and readings they have kept meanwhile arrive marked as late.
"""),
    (1, """
# The machines

Every machine carries a name of two words on its cabinet. The workshop knows them by their
numbers, so have the right one ready when you call.

The serial number of the copper lantern is 58213.

The batch number of the amber falcon is 26940.

The license key of the silver bridge is 731185.

The access code of the quiet harbor is 40962.

Machines that are not listed here belong to the railway and must not be opened.

## Spare parts

The workshop keeps two complete machines, six power supplies and a box of fuses. A spare machine
is ready within an hour. It takes the name of the machine it replaces, and the old number is
struck out in this list.
"""),
    (1, """
# Changing a machine

Changing a machine takes two people and about forty minutes. Choose a time without ships in the
lock.

Copy the archive folder to the portable disk. Stop the old machine and wait for the red lamp.
Unplug the sensors from left to right and put the numbered caps on the plugs.

Put the new machine in its place, plug the sensors in from right to left and close the main
switch. The green lamp must be steady within two minutes. Copy the archive folder back before the
first sensor connects, otherwise the new machine begins a new archive and the office has to join
the two by hand.

## Afterwards

Write the numbers of both machines into the cabinet book and send the old one to the workshop with
a note of what failed.
"""),
]


def text_width(text, size):
    return sum(TIMES[ord(c) - 32] for c in text) * size / 1000


def wrap(text, size, width):
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return lines + [line]


def paragraphs(text):
    for words in text.strip().split("\n\n"):
        marks, _, rest = words.partition(" ")
        yield {"#": ("title", rest), "##": ("head", rest)}.get(marks, ("body", words))


# font, size, line height, space before
STYLES = {"title": ("F2", 17, 22, 14), "head": ("F2", 12, 16, 12), "body": ("F1", 10.5, 14, 6)}


def page_content(number, n_columns, text):
    width = (WIDTH - 2 * MARGIN - (n_columns - 1) * GAP) / n_columns
    out, column, y = [], 0, HEIGHT - MARGIN
    for style, words in paragraphs(text):
        if words == "||":
            column, y = column + 1, HEIGHT - MARGIN
            continue
        font, size, line_height, before = STYLES[style]
        y -= before if y < HEIGHT - MARGIN else 0
        for line in wrap(words, size, width):
            x = MARGIN + column * (width + GAP)
            escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            out.append(f"BT /{font} {size} Tf {x:.2f} {y - size:.2f} Td ({escaped}) Tj ET")
            y -= line_height
            assert y > MARGIN, f"page {number} is too full"
    out.append(f"BT /F1 9 Tf {WIDTH / 2 - 3:.2f} {MARGIN / 2:.2f} Td ({number}) Tj ET")
    return "\n".join(out).encode("ascii")


def build():
    fonts = "<< /F1 3 0 R /F2 4 0 R >>"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"",
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Bold >>"]
    kids = []
    for number, (n_columns, text) in enumerate(PAGES, 1):
        content = page_content(number, n_columns, text)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] "
                       f"/Contents {len(objects)} 0 R /Resources << /Font {fonts} >> >>".encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()

    file, offsets = bytearray(b"%PDF-1.4\n"), []
    for i, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (i, body)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    file += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    file += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(file)


if __name__ == "__main__":
    Path(__file__).with_name("handbook.pdf").write_bytes(build())
