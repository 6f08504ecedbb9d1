"""How both sides of the comparison are timed."""
import statistics
import time


def median_ms(run, seconds):
    """Median time of run(), called again and again for that long, four times at least."""
    times, start = [], time.perf_counter()
    while len(times) < 4 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3
