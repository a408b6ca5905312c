#!/usr/bin/env python3
"""Loads a running cluster and measures it. Python 3 only, no packages.

    scripts/load.py fill --keys 100000 --value-bytes 256 < dev.json
    scripts/load.py mix --rate 200 --reads 0.8 --seconds 60 --keys 100000 < dev.json

Standard input is the line that `confman dev --json` prints. `fill` writes every key once; `mix` sends reads to all
nodes and writes to the leader at a fixed rate and prints p50, p99 and the worst, for reads and for writes.
"""

import argparse
import http.client
import json
import random
import sys
import threading
import time
import urllib.parse


class Client:
    """One kept-alive connection per node; follows redirects to the leader."""

    def __init__(self, nodes, key):
        self.urls = [urllib.parse.urlsplit(node["url"]) for node in nodes]
        self.key = key
        self.connections = {}
        self.leader = self.urls[0].netloc

    def send(self, netloc, method, path, body=None):
        headers = {"X-API-Key": self.key}
        if body is not None:
            headers["Content-Type"] = "application/json"
        for attempt in (1, 2):
            connection = self.connections.get(netloc)
            if connection is None:
                host, port = netloc.rsplit(":", 1)
                connection = self.connections[netloc] = http.client.HTTPConnection(host, int(port), timeout=10)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (OSError, http.client.HTTPException):
                self.connections.pop(netloc).close()
                if attempt == 2:
                    raise

    def write(self, path, value):
        body = json.dumps({"value": value})
        for _ in range(10):
            status, headers, answer = self.send(self.leader, "PUT", path, body)
            if status == 307:
                self.leader = urllib.parse.urlsplit(headers["Location"]).netloc
            elif status == 503:
                time.sleep(0.1)
            else:
                return status, answer
        return status, answer

    def read(self, path):
        return self.send(random.choice(self.urls).netloc, "GET", path)


def percentile(times, share):
    return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else float("nan")


def fill(cluster, args):
    value = "v" * args.value_bytes
    failures = []

    def work(part):
        client = Client(cluster["nodes"], cluster["adminKey"])
        for number in range(part, args.keys, args.clients):
            status, answer = client.write(f"/api/v1/config/load/key-{number:07d}", value)
            if status not in (200, 201):
                failures.append((status, answer[:200]))

    began = time.monotonic()
    run_threads(args.clients, work)
    took = time.monotonic() - began
    print(f"{args.keys} keys of {args.value_bytes} B in {took:.1f} s, {len(failures)} failed {failures[:1]}")
    return not failures


def mix(cluster, args):
    value = "w" * args.value_bytes
    reads, writes, failures = [], [], []
    began = time.monotonic()
    total = int(args.rate * args.seconds)

    def work(part):
        client = Client(cluster["nodes"], cluster["adminKey"])
        draw = random.Random(part)
        for number in range(part, total, args.clients):
            due = began + number / args.rate
            time.sleep(max(0.0, due - time.monotonic()))
            path = f"/api/v1/config/load/key-{draw.randrange(args.keys):07d}"
            sent = time.monotonic()
            if draw.random() < args.reads:
                status, _, answer = client.read(path)
                reads.append(time.monotonic() - sent)
            else:
                status, answer = client.write(path, value)
                writes.append(time.monotonic() - sent)
            if status not in (200, 201, 404):
                failures.append((status, answer[:200]))

    run_threads(args.clients, work)
    for name, times in (("reads", sorted(reads)), ("writes", sorted(writes))):
        print(
            f"{name}: {len(times)}, p50 {percentile(times, 0.5):.2f} ms, p99 {percentile(times, 0.99):.2f} ms, "
            f"worst {percentile(times, 1.0):.2f} ms"
        )
    print(f"{len(failures)} failed {failures[:1]}, {total / (time.monotonic() - began):.0f} requests per second")
    return not failures


def run_threads(count, work):
    threads = [threading.Thread(target=work, args=(part,)) for part in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["fill", "mix"])
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--value-bytes", type=int, default=256)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--reads", type=float, default=0.8)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    cluster = json.loads(sys.stdin.readline())
    sys.exit(0 if {"fill": fill, "mix": mix}[args.mode](cluster, args) else 1)


if __name__ == "__main__":
    main()
