"""A program run where it can harm nothing: a fresh process that reads one hostile thing, and a pipe back.

`starting` is for who starts it, `inside` for the program itself; that one needs the standard library only.
What holds inside is in ADR 12.
"""
