"""Where the gateway machines stand.

The room number of the amber falcon is 4417.
The phone extension of the silver bridge is 70312.
The port number of the quiet harbor is 9160.
"""

CABINETS = {
    "amber falcon": ("pier 4", "north"),
    "silver bridge": ("lock house", "north"),
    "quiet harbor": ("customs hall", "south"),
    "copper lantern": ("lighthouse", "west"),
}


def cabinet_label(name):
    place, side = CABINETS[name]
    return f"{name}, {place}, {side} side"


def print_cabinets():
    for name in sorted(CABINETS):
        print(cabinet_label(name))


if __name__ == "__main__":
    print_cabinets()
