"""
The loop of a program that does what it is told, a line at a time: a word and its arguments come in, one line
"ok TEXT" or "error TEXT" goes out.
"""
import sys


def answer(verbs, words):
    try:
        told = f"ok {verbs[words[0]](*words[1:])}"
    except Exception as error:
        told = f"error {type(error).__name__}: {error}"
    print(" ".join(told.split("\n")), flush=True)


def run(verbs):
    """Until the standard input ends."""
    for line in sys.stdin:
        answer(verbs, line.split())
