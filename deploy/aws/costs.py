#!/usr/bin/env python3
"""What deploy/aws/template.yaml costs a month at three sizes: list prices times what is used, without taxes, free tiers and
discounts, and without data that leaves AWS (0.09 USD a GB).

Prices change, and differ by region: these are AWS' list prices of us-east-1 in USD as remembered in 2025, not fetched from
anywhere. Compare them with the pages named beside them before relying on a sum; a region in Europe is some 10 % above.
"""

from dataclasses import dataclass

HOURS = 730  # a month

# A unit's price in USD, and the page that has today's.
PRICES = {
    "Fargate vCPU hour": (0.04048, "aws.amazon.com/fargate/pricing"),
    "Fargate GB hour": (0.004445, "aws.amazon.com/fargate/pricing"),
    "load balancer hour": (0.0225, "aws.amazon.com/elasticloadbalancing/pricing"),
    "load balancer unit hour": (0.008, "aws.amazon.com/elasticloadbalancing/pricing"),
    "public IPv4 hour": (0.005, "aws.amazon.com/vpc/pricing"),
    "EFS GB month": (0.30, "aws.amazon.com/efs/pricing"),
    "EFS GB written": (0.06, "aws.amazon.com/efs/pricing"),
    "EFS GB read": (0.03, "aws.amazon.com/efs/pricing"),
    "EFS backup GB month": (0.05, "aws.amazon.com/backup/pricing"),
    "S3 GB month": (0.023, "aws.amazon.com/s3/pricing"),
    "S3 1,000 writes or lists": (0.005, "aws.amazon.com/s3/pricing"),
    "S3 1,000 reads": (0.0004, "aws.amazon.com/s3/pricing"),
    "Step Functions 1,000 transitions": (0.025, "aws.amazon.com/step-functions/pricing"),
    "log GB taken in": (0.50, "aws.amazon.com/cloudwatch/pricing"),
    "alarm month": (0.10, "aws.amazon.com/cloudwatch/pricing"),
    "registry GB month": (0.10, "aws.amazon.com/ecr/pricing"),
}

# Of the template.
ALARMS = 6
LOAD_BALANCER_ADDRESSES = 2
# Looks for a new version: a list, and a read of last-run.json, every five seconds (AKIN_POLL_INTERVAL).
POLLS = HOURS * 3600 / 5
# A flush a minute (AKIN_FLUSH_INTERVAL), while ratings come.
FLUSHES = HOURS * 60
# Segments of the ledger are never deleted, so that what runs read of them grows: reckoned for a stack of a year.
AGE_MONTHS = 12
# Transitions of a run with one shard: its states, and each try of a task.
TRANSITIONS = 12
# Not measured on EFS: what a rating and its execution are in the ledger (assumed), and what is written of it to a local disk
# (bench/RESULTS.md).
LEDGER_KB, WRITTEN_KB = 3, 8
LOG_KB = 0.2  # a request
LISTED = 1000  # objects a list tells of at most


@dataclass
class Size:
    name: str
    ratings: int  # held altogether
    ratings_a_month: int
    requests_a_month: int
    serve: tuple[float, float]  # vCPU, GB
    worker: tuple[float, float]
    run_hours: float  # a night
    store_gb: float  # ten versions, segments, input


SIZES = [
    Size("small", 1_000_000, 100_000, 1_000_000, (1, 2), (2, 8), 0.1, 1),
    Size("middle", 20_000_000, 3_000_000, 30_000_000, (2, 8), (4, 16), 0.5, 15),
    Size("large", 100_000_000, 30_000_000, 300_000_000, (4, 30), (16, 64), 1.5, 80),
]


def lines(size: Size) -> dict[str, float]:
    """What each part costs a month, in USD."""
    def price(unit: str, amount: float) -> float:
        return PRICES[unit][0] * amount

    def fargate(task: tuple[float, float], hours: float) -> float:
        cores, gigabytes = task
        address = price("public IPv4 hour", hours)
        return price("Fargate vCPU hour", cores * hours) + price("Fargate GB hour", gigabytes * hours) + address

    ledger_gb = size.ratings_a_month * LEDGER_KB / 1e6
    written_gb = size.ratings_a_month * WRITTEN_KB / 1e6
    segments = min(FLUSHES, size.ratings_a_month)
    # With the ledger a run lists and reads every segment that there is.
    read = 30 * AGE_MONTHS * segments
    # A unit is 25 new connections a second or a GB an hour, whichever is more; a request is about 4 KB.
    units = max(size.requests_a_month / (HOURS * 3600) / 25, size.requests_a_month * 4e-6 / HOURS)
    # A worker stays a quarter of an hour after its last task.
    worker_hours = 30 * (size.run_hours + 0.25)
    return {
        "server (Fargate)": fargate(size.serve, HOURS),
        "workers (Fargate)": fargate(size.worker, worker_hours),
        "load balancer": price("load balancer hour", HOURS) + price("load balancer unit hour", units * HOURS)
        + price("public IPv4 hour", LOAD_BALANCER_ADDRESSES * HOURS),
        "ledger (EFS)": price("EFS GB month", ledger_gb) + price("EFS GB written", written_gb)
        + price("EFS GB read", written_gb / 2) + price("EFS backup GB month", ledger_gb),
        "store (S3)": price("S3 GB month", size.store_gb)
        + price("S3 1,000 writes or lists", (POLLS + segments + read / LISTED) / 1000)
        + price("S3 1,000 reads", (POLLS + read) / 1000),
        "workflow": price("Step Functions 1,000 transitions", 30 * TRANSITIONS / 1000),
        "logs and alarms": price("log GB taken in", size.requests_a_month * LOG_KB / 1e6) + price("alarm month", ALARMS),
        # Of some ten deployments: an image with a tag stays until somebody deletes it.
        "images": price("registry GB month", 1.5),
    }


def main():
    columns = [lines(size) for size in SIZES]
    print(f"{'USD a month, list prices to be checked':42}" + "".join(f"{size.name:>10}" for size in SIZES))
    for attribute, label in [("ratings", "ratings held"), ("ratings_a_month", "new ratings a month"),
                             ("requests_a_month", "requests a month")]:
        print(f"{label:42}" + "".join(f"{getattr(size, attribute):>10.0e}" for size in SIZES))
    for attribute in ("serve", "worker"):
        sizes = [" / ".join(f"{part:g}" for part in getattr(size, attribute)) for size in SIZES]
        print(f"{attribute + ' (vCPU / GB)':42}" + "".join(f"{text:>10}" for text in sizes))
    for part in columns[0]:
        print(f"{part:42}" + "".join(f"{column[part]:>10.2f}" for column in columns))
    print(f"{'together':42}" + "".join(f"{sum(column.values()):>10.2f}" for column in columns))
    print(f"\nOf a stack that is {AGE_MONTHS} months old: runs read more of the ledger's segments each month.")
    print("Each line is units times a price (deploy/aws/costs.py); prices: us-east-1, 2025, not fetched. Check them at")
    print(", ".join(sorted({page for _, page in PRICES.values()})))


if __name__ == "__main__":
    main()
