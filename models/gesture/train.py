#!/usr/bin/env python3
"""train.py: the weights of gesture.rnn in docs/language.md, by PyTorch (Debian's python3-torch), in some seconds.

What an accelerometer in a hand would give, 20 times a second, in g: rest, wave (to and fro along x), circle (in the plane of x
and y), tap (knocks along z).  Amplitude, speed, phase, drift and noise are random; 15 to 40 samples.  Writes gesture.npz, the
state_dict, and recordings.txt, which it has not seen: a line for each sample, before each recording what it is.
"""
import math

import numpy as np
import torch

CLASSES = ["rest", "wave", "circle", "tap"]


def record(rng):
    label, n = rng.integers(4), rng.integers(15, 41)
    t = np.arange(n) / 20
    speed, phase, size = 2 * math.pi * rng.uniform(1, 2.5), rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1)
    x = rng.normal(0, 0.08, (n, 3)) + rng.normal(0, 0.1, 3)
    x[:, 2] += 1
    if label == 1 or label == 2:
        x[:, 0] += size * np.sin(speed * t + phase)
    if label == 2:
        x[:, 1] += size * np.cos(speed * t + phase) * rng.choice([-1, 1])
    if label == 3:
        for at in range(rng.integers(0, 6), n, rng.integers(5, 10)):
            x[at, 2] += rng.choice([-1, 1]) * (0.5 + size)
    return x, label


def batch(rng, count):
    rows = [record(rng) for _ in range(count)]
    lengths = np.array([len(x) for x, _ in rows])
    x = np.zeros((count, lengths.max(), 3), np.float32)
    for i, (row, _) in enumerate(rows):
        x[i, : len(row)] = row
    return x, lengths, np.array([label for _, label in rows])


class Gesture(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.h = torch.nn.GRU(3, 16, batch_first=True)
        self.p = torch.nn.Linear(16, 4)

    def forward(self, x, lengths):
        h, _ = self.h(x)
        return self.p(h[torch.arange(len(x)), lengths - 1])


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    net = Gesture()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for step in range(400):
        x, lengths, label = (torch.tensor(v) for v in batch(rng, 64))
        loss = torch.nn.functional.cross_entropy(net(x, lengths), label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, lengths, label = batch(np.random.default_rng(1), 1000)
    with torch.no_grad():
        right = (net(torch.tensor(x), torch.tensor(lengths)).argmax(1).numpy() == label).mean()
    print(f"{right:.1%} of 1000 new recordings")
    np.savez("gesture.npz", **{k: v.numpy() for k, v in net.state_dict().items()})
    with open("recordings.txt", "w", encoding="utf-8") as f:
        for i in np.concatenate([np.flatnonzero(label == k)[:2] for k in range(4)]):
            f.write(f"# {CLASSES[label[i]]}\n")
            f.writelines(f"{a:.3f} {b:.3f} {c:.3f}\n" for a, b, c in x[i, : lengths[i]])


if __name__ == "__main__":
    main()
