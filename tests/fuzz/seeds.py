#!/usr/bin/python3
"""Seeds as text, so that a person can read and review them: unpack FILE DIRECTORY writes each as a file for
libFuzzer, pack DIRECTORY FILE appends some of those of a directory that the file has not.

FILE.hex: a seed a line, in hex; blanks are ignored, "#" begins a comment.
FILE.txt: seeds between lines of "----"; the first character is an option byte as two hex digits on a line of
its own; lines end in CR LF.
"""
import hashlib
import os
import sys


def hex_seeds(path):
    with open(path) as lines:
        for line in lines:
            text = line.split("#")[0].strip()
            if text:
                yield bytes.fromhex(text)


def text_seeds(path):
    with open(path) as file:
        for seed in file.read().split("----\n"):
            if seed.strip():
                option, rest = seed.split("\n", 1)
                yield bytes.fromhex(option) + rest.replace("\n", "\r\n").encode()


def seeds(path):
    return list(hex_seeds(path) if path.endswith(".hex") else text_seeds(path))


def unpack(paths, directory):
    os.makedirs(directory, exist_ok=True)
    for path in paths:
        for seed in seeds(path):
            with open("%s/%s" % (directory, hashlib.sha1(seed).hexdigest()), "wb") as out:
                out.write(seed)


def pack(directory, path, longest=500, most=100):
    known = set(seeds(path)) if os.path.exists(path) else set()
    found = [open(os.path.join(directory, name), "rb").read() for name in sorted(os.listdir(directory))]
    new = sorted((s for s in set(found) - known if 0 < len(s) <= longest), key=lambda s: (len(s), s))
    with open(path, "a") as out:
        step = max(1, len(new) // most + 1)  # short and long ones alike
        for seed in new[::step][:most]:
            out.write(seed.hex() + "\n")


if sys.argv[1:2] == ["unpack"] and len(sys.argv) >= 4:
    unpack(sys.argv[2:-1], sys.argv[-1])
elif sys.argv[1:2] == ["pack"] and len(sys.argv) == 4:
    pack(sys.argv[2], sys.argv[3])
else:
    sys.exit("usage: seeds.py unpack FILE... DIRECTORY | pack DIRECTORY FILE.hex")
