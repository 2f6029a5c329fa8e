#!/usr/bin/env python3
"""Makes world.bin from Natural Earth's 1:50m countries as TopoJSON.

    make-world.py countries-50m.json world.bin

All numbers are LEB128 (least significant seven bits first); "signed" ones are zigzag coded.

    "DSMAP1\n"  steps a degree   number of arcs
      arc       kind (0 coast, 1 border, 2 seam at 180 degrees or the pole)   number of points
                points: longitude, latitude in steps, signed, each the difference to the one before
    number of countries
      country   length of name, name (UTF-8)   number of rings
      ring      number of arcs; each signed: its number, or ~number if it is walked backwards
"""
import json
import sys

STEPS = 200  # a degree: 0.005 degrees, 550 m; the source has 1:50 000 000


def number(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def signed(n):
    return number(n << 1 if n >= 0 else (-n << 1) - 1)


def points(arc, transform):
    x = y = 0
    out = []
    for dx, dy in arc:
        x, y = x + dx, y + dy
        lon = x * transform["scale"][0] + transform["translate"][0]
        lat = y * transform["scale"][1] + transform["translate"][1]
        p = round(lon * STEPS), round(lat * STEPS)
        if not out or out[-1] != p:
            out.append(p)
    return out if len(out) > 1 else out * 2


def rings(geometry):
    if geometry["type"] == "Polygon":
        return geometry["arcs"]
    if geometry["type"] == "MultiPolygon":
        return [ring for polygon in geometry["arcs"] for ring in polygon]
    return []


def kind(line, users):
    if all(abs(lon) >= 180 * STEPS - 1 or lat <= -89 * STEPS for lon, lat in line):
        return 2
    return 1 if users > 1 else 0


def main():
    world = json.load(open(sys.argv[1], encoding="utf-8"))
    countries = world["objects"]["countries"]["geometries"]
    users = [set() for _ in world["arcs"]]
    for i, country in enumerate(countries):
        for ring in rings(country):
            for a in ring:
                users[a if a >= 0 else ~a].add(i)
    out = bytearray(b"DSMAP1\n" + number(STEPS) + number(len(users)))
    for arc, who in zip(world["arcs"], users):
        line = points(arc, world["transform"])
        out += number(kind(line, len(who))) + number(len(line))
        x = y = 0
        for px, py in line:
            out += signed(px - x) + signed(py - y)
            x, y = px, py
    out += number(len(countries))
    for country in countries:
        name = country["properties"]["name"].encode()
        out += number(len(name)) + name + number(len(rings(country)))
        for ring in rings(country):
            out += number(len(ring)) + b"".join(signed(a) for a in ring)
    open(sys.argv[2], "wb").write(out)


main()
