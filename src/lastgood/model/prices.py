"""What stored bytes cost: classes of object stores with their list prices, and the arithmetic on them.

Rules: amounts are decimal and exact, and rounded to cents only where they are shown; a GB is 10⁹ bytes. A provider that
bills by 2³⁰ bytes charges 7% less than is reckoned here, so what is said is on the careful side, as is that the price of
the first bytes holds for all. A price that could not be read at its source is not shipped: it is None, and what would need
it says so. Whoever has other prices writes them in `[prices]` of lastgood.toml.

    >>> CLASSES["gcs-standard"].month(250 * GB)
    Decimal('5.000')
    >>> CLASSES["gcs-standard"].restore(requests=5_000, fetched=10 * GB).total
    Decimal('1.2020')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from lastgood.errors import NotFound

GB = 10**9
OWN = "own"
"""The class whose prices are all written in lastgood.toml, such as those of a disk."""

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Restore:
    """What it costs to fetch bytes once; None where the price is not known."""

    requests: int
    fetched: int
    for_requests: Decimal | None
    for_retrieval: Decimal | None
    for_egress: Decimal | None

    @property
    def total(self) -> Decimal:
        """All of it that has a price."""
        return sum((one for one in (self.for_requests, self.for_retrieval, self.for_egress) if one is not None), Decimal(0))

    @property
    def unpriced(self) -> list[str]:
        """What has no price here."""
        named = {"requests": self.for_requests, "retrieval": self.for_retrieval, "egress": self.for_egress}
        return [name for name, value in named.items() if value is None]


@dataclass(frozen=True, slots=True)
class Prices:
    """What a class of storage costs; a price that is None is not known.

    Attributes:
        name: its short name, as lastgood.toml says it.
        title: its name for people.
        currency: three letters.
        per_gb_month: of keeping a GB for a month.
        per_1000_gets: of a thousand reading requests.
        per_gb_retrieved: of reading a GB back from a cold class.
        per_gb_egress: of carrying a GB to the internet.
        source: where the prices stand.
        read_on: when they were read there; empty where somebody wrote them down.
    """

    name: str
    title: str
    currency: str
    per_gb_month: Decimal
    per_1000_gets: Decimal | None
    per_gb_retrieved: Decimal | None
    per_gb_egress: Decimal | None
    source: str
    read_on: str = ""

    def month(self, kept: int) -> Decimal:
        """Return what it costs to keep some bytes for a month."""
        return self.per_gb_month * kept / GB

    def restore(self, *, requests: int, fetched: int) -> Restore:
        """Return what it costs to fetch some bytes once, with so many requests."""
        gets, retrieved, egress = self.per_1000_gets, self.per_gb_retrieved, self.per_gb_egress
        return Restore(
            requests,
            fetched,
            None if gets is None else gets * requests / 1000,
            None if retrieved is None else retrieved * fetched / GB,
            None if egress is None else egress * fetched / GB,
        )

    @property
    def said(self) -> str:
        """Where the prices are from, for people."""
        return f"{self.source}, read on {self.read_on}" if self.read_on else self.source


def cents(amount: Decimal) -> Decimal:
    """Round an amount to cents."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def class_named(name: str) -> Prices:
    """Return a class that is shipped.

    Raises:
        NotFound: there is none of that name.
    """
    found = CLASSES.get(name)
    if found is None:
        raise NotFound(f"{name[:40]!r} is no class of storage that prices are shipped for; known are {', '.join(CLASSES)}")
    return found


_FREE = Decimal(0)
_S3 = "AWS Price List API, AmazonS3, us-east-1, first 50 TB"
_GCS = "https://cloud.google.com/storage/pricing, us-central1"


def _s3(name: str, title: str, per_gb_month: str, gets: str | None, retrieved: Decimal | None) -> Prices:
    return Prices(name, title, "USD", Decimal(per_gb_month), None if gets is None else Decimal(gets), retrieved, None, _S3, "2025-10-28")


def _gcs(name: str, title: str, per_gb_month: str, gets: str | None, retrieved: str) -> Prices:
    known = None if gets is None else Decimal(gets)
    return Prices(name, title, "USD", Decimal(per_gb_month), known, Decimal(retrieved), Decimal("0.12"), _GCS, "2026-09-20")


CLASSES: Mapping[str, Prices] = MappingProxyType(
    {
        one.name: one
        for one in (
            _gcs("gcs-standard", "Google Cloud Storage Standard", "0.020", "0.0004", "0"),
            _gcs("gcs-nearline", "Google Cloud Storage Nearline", "0.010", None, "0.01"),
            _gcs("gcs-coldline", "Google Cloud Storage Coldline", "0.004", None, "0.02"),
            _s3("s3-standard", "Amazon S3 Standard", "0.023", "0.0004", _FREE),
            _s3("s3-standard-ia", "Amazon S3 Standard-IA", "0.0125", None, None),
            _s3("s3-glacier-ir", "Amazon S3 Glacier Instant Retrieval", "0.004", None, None),
        )
    }
)
"""The classes that are shipped, with list prices in US dollars without tax."""

DEFAULT = CLASSES["gcs-standard"]
"""What is reckoned with where lastgood.toml has no `[prices]`: the shipped class whose every price is known."""
