"""Counter-based random numbers: number i of a seed is a hash of both, so a seed means the same graph on every machine."""
import numpy as np

MASK = (1 << 64) - 1


def mix(x):
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


class Rng:
    def __init__(self, seed):
        self.key, self.counter = mix(seed), 0

    def bits(self):
        self.counter += 1
        return mix(self.key ^ mix(self.counter))

    def below(self, n):
        return self.bits() % n

    def between(self, lo, hi):
        """Both ends included."""
        return lo + self.below(hi - lo + 1)

    def chance(self, p):
        return self.bits() < p * (1 << 64)

    def choice(self, items):
        return items[self.below(len(items))]

    def weighted(self, items, weights):
        at = (self.bits() / (1 << 64)) * sum(weights)
        for item, weight in zip(items, weights):
            at -= weight
            if at < 0:
                return item
        return items[-1]

    def shuffled(self, items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            k = self.below(i + 1)
            items[i], items[k] = items[k], items[i]
        return items

    def sample(self, items, n):
        return self.shuffled(items)[:n]

    def array_bits(self, count):
        """count 64-bit numbers, as one draw."""
        with np.errstate(over="ignore"):
            x = np.uint64(self.bits()) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return x ^ (x >> np.uint64(31))

    def uniform(self, shape, lo=0.0, hi=1.0):
        """f64 in [lo, hi)."""
        count = int(np.prod(shape, dtype=np.int64))
        return (lo + (self.array_bits(count) >> np.uint64(11)) * (2.0**-53 * (hi - lo))).reshape(shape)

    def integers(self, shape, lo, hi):
        """i64 in [lo, hi], both ends included."""
        count = int(np.prod(shape, dtype=np.int64))
        span = np.uint64(hi - lo + 1)
        return (lo + (self.array_bits(count) % span).astype(np.int64)).reshape(shape)
