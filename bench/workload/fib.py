"""One task: python fib.py 10."""

import sys


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


assert fib(int(sys.argv[1])) == {10: 55, 33: 3524578}[int(sys.argv[1])]
