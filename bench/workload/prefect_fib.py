"""The tasks in sequence, as a flow of Prefect: python prefect_fib.py 40 10. Prints the seconds that the flow itself took."""

import sys
import time

from prefect import flow, task


@task
def fib_task(n):
    def fib(k):
        return k if k < 2 else fib(k - 1) + fib(k - 2)

    return fib(n)


@flow
def fibs(count, n):
    return [fib_task(n) for _ in range(count)]


if __name__ == "__main__":
    count, n = int(sys.argv[1]), int(sys.argv[2])
    began = time.perf_counter()
    results = fibs(count, n)
    assert results == [{10: 55, 33: 3524578}[n]] * count
    print(time.perf_counter() - began)
