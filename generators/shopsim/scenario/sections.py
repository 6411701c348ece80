"""The sections of a scenario: one frozen struct per topic. Package `loading` reads files and checks values."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from shopsim.core.locales import LocaleName
from shopsim.scenario.dated_sections import Campaign, FlashSale, Holidays, Trend
from shopsim.scenario.fault_sections import Faults
from shopsim.scenario.section_types import (
    TEXT_END,
    Amount,
    CurrencyCode,
    Description,
    Duration,
    Name,
    Rate,
    Section,
    Share,
    Weight,
)

FORMAT: Literal[1] = 1
"""The version of scenario files that this release reads."""


ScenarioName = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9-]{0,39}" + TEXT_END,
        extra={"expected": "a lower-case letter, then at most 39 lower-case letters, digits and hyphens"},
    ),
]


class Seasons(Section, frozen=True, kw_only=True):
    """When customers visit, in their local time.

    Attributes:
        hours: relative traffic in each hour of the day, from 0 to 23 o'clock.
        weekdays: relative traffic on each day of the week, from Monday to Sunday.
    """

    hours: Annotated[tuple[Weight, ...], Meta(min_length=24, max_length=24)]
    weekdays: Annotated[tuple[Weight, ...], Meta(min_length=7, max_length=7)]


class Habits(Section, frozen=True, kw_only=True):
    """How one segment of customers behaves.

    Attributes:
        weight: number of customers in the segment, relative to the other segments.
        activity: visits, relative to `sessions.per_customer_per_day`.
        conversion: factor for the probability that a cart reaches the checkout.
        discount_share: share of its orders that have a discount.
    """

    weight: Weight
    activity: Annotated[float, Meta(gt=0, le=100)]
    conversion: Annotated[float, Meta(ge=0, le=10)]
    discount_share: Share


class Segments(Section, frozen=True, kw_only=True):
    """Habits of each segment of the contract."""

    bargain: Habits
    regular: Habits
    loyal: Habits
    premium: Habits


class Customers(Section, frozen=True, kw_only=True):
    """The customers: how many there are at the start, who registers, who leaves and comes back, what changes.

    Attributes:
        initial: customers who are registered when the shop opens.
        signups_per_day: mean number of customers who register in a day.
        first_visit_share: share of new customers who visit the shop on the day they register.
        churn_per_year: mean number of times that an active customer leaves in a year.
        reactivations_per_year: mean number of times that a customer who left comes back in a year.
        address_changes_per_year: mean number of moves of an active customer in a year.
        preference_changes_per_year: mean number of changes of the marketing consent in a year, per active customer.
        segment_changes_per_year: mean number of moves to another segment in a year, per active customer.
        requested_deactivation_share: share of deactivations that the customer asked for; the rest are for inactivity.
        marketing_opt_in_share: share of customers who agree to marketing when they register.
        locales: weights of the countries and languages that customers come from.
        segments: habits of each segment.
    """

    initial: Annotated[int, Meta(ge=1, le=50_000_000)]
    signups_per_day: Annotated[float, Meta(ge=0, le=1_000_000)]
    first_visit_share: Share
    churn_per_year: Rate
    reactivations_per_year: Rate
    address_changes_per_year: Rate
    preference_changes_per_year: Rate
    segment_changes_per_year: Rate
    requested_deactivation_share: Share
    marketing_opt_in_share: Share
    locales: Annotated[dict[LocaleName, Weight], Meta(min_length=1)]
    segments: Segments


class Category(Section, frozen=True, kw_only=True):
    """A product category: its products and their prices.

    Attributes:
        name: the name that customers see.
        weight: number of products in it, relative to the other categories.
        price_cents: lowest and highest list price.
        nouns: names of its products, used after the brand.
        colours: maximum number of colours of a model; with 1 and no sizes, its products are not variants of a model.
        sizes: sizes of a model.
    """

    name: Name
    weight: Weight
    price_cents: tuple[Amount, Amount]
    nouns: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=200)]
    colours: Annotated[int, Meta(ge=1, le=12)] = 1
    sizes: Annotated[tuple[Name, ...], Meta(max_length=30)] = ()


class Catalogue(Section, frozen=True, kw_only=True):
    """The products over time.

    Attributes:
        products: number of products at the start; each variant of a model counts.
        launches_per_day: mean number of new products per day.
        lifetime_days: mean time on sale of a product that can be discontinued.
        staple_share: share of the first products that are never discontinued.
        price_changes_per_year: mean number of price changes per product and year, at most one in a window.
        zipf: exponent of the Zipf distribution of demand over popularity ranks.
        drift: random change of popularity ranks: standard deviation of a rank's logarithm after one day; it grows with
            the square root of the days.
        quality: mean rating of products, from 1 to 5.
    """

    products: Annotated[int, Meta(ge=1, le=1_000_000)]
    launches_per_day: Annotated[float, Meta(ge=0, le=10_000)]
    lifetime_days: Duration
    staple_share: Share
    price_changes_per_year: Rate
    zipf: Annotated[float, Meta(ge=0, le=3)]
    drift: Annotated[float, Meta(ge=0, le=2)] = 0.04
    quality: Annotated[float, Meta(ge=1, le=5)]
    categories: Annotated[tuple[Category, ...], Meta(min_length=1, max_length=100)]


class Sessions(Section, frozen=True, kw_only=True):
    """Visits to the site.

    Attributes:
        per_customer_per_day: mean number of visits of an active, average customer.
        anonymous_share: share of all sessions without a login.
        steps: mean number of page views, searches and product views per session.
        seconds_between_steps: median time between two steps.
        devices: weights of the devices.
        referrers: weights of the referrers, through which visitors reach the site.
        campaigns: weights of the campaigns, for sessions that a campaign brought.
        campaign_share: share of sessions that a campaign brought.
    """

    per_customer_per_day: Rate
    anonymous_share: Annotated[float, Meta(ge=0, le=0.99)]
    steps: Annotated[float, Meta(ge=1, le=20)]
    seconds_between_steps: Annotated[float, Meta(ge=1, le=60)]
    devices: Annotated[dict[Literal["desktop", "mobile", "tablet"], Weight], Meta(min_length=1)]
    referrers: Annotated[dict[Literal["direct", "search", "social", "email", "partner"], Weight], Meta(min_length=1)]
    campaign_share: Share
    campaigns: Annotated[dict[Name, Weight], Meta(min_length=1)]


class Funnel(Section, frozen=True, kw_only=True):
    """The conversion funnel: which steps visitors take and how many continue.

    Attributes:
        search: share of steps that are searches.
        product: share of steps that are product views; the remaining steps are other pages.
        cart: share of sessions with a product view that add an item to the cart.
        add: share of product views that become a cart item in such a session (the last view always does).
        remove: share of cart items that the visitor removes again.
        checkout: share of carts that reach the checkout.
        complete: share of checkouts with a login that become an order.
    """

    search: Share
    product: Share
    cart: Share
    add: Share
    remove: Share
    checkout: Share
    complete: Share


class Orders(Section, frozen=True, kw_only=True):
    """Discounts, shipping and tax of orders.

    Attributes:
        discount_percents: the discounts that an order can have, in percent; each is as likely as the others.
        shipping_cents: price of the shipping.
        free_shipping_from_cents: shipping is free from this subtotal on, after the discount.
        tax_basis_points: tax on the order, in hundredths of a percent; 1900 is 19%.
    """

    discount_percents: Annotated[tuple[Annotated[int, Meta(ge=1, le=90)], ...], Meta(min_length=1, max_length=20)]
    shipping_cents: Amount
    free_shipping_from_cents: Amount
    tax_basis_points: Annotated[int, Meta(ge=0, le=10_000)]


class Chargebacks(Section, frozen=True, kw_only=True):
    """The bank takes back the amount of a captured payment that was not refunded. Returned orders have no chargeback.

    Attributes:
        share: share of the captured payments without a return that are charged back.
        days: from the delivery to the chargeback, median.
    """

    share: Share = 0.005
    days: Duration = 24.0


class Payments(Section, frozen=True, kw_only=True):
    """Payment attempts and their results.

    Attributes:
        methods: weights of the payment methods.
        decline: probability that an attempt is declined.
        retry: probability that a declined payment is tried again.
        attempts: maximum number of attempts per order.
        chargebacks: payments that the bank takes back.
    """

    methods: Annotated[dict[Literal["card", "wallet", "bank_transfer"], Weight], Meta(min_length=1)]
    decline: Share
    retry: Share
    attempts: Annotated[int, Meta(ge=1, le=10)]
    chargebacks: Chargebacks = Chargebacks()


class Fulfilment(Section, frozen=True, kw_only=True):
    """From the authorised payment to the delivery.

    A parcel due on a holiday, or on a Sunday without `sunday_deliveries`, arrives on the next day with deliveries.

    Attributes:
        cancelled_share: share of authorised orders that the customer cancels before the money is captured.
        capture_hours: from the authorisation to the capture, median.
        ship_hours: from the capture to the shipment, median.
        delivery_days: from the shipment to the delivery, median.
        carriers: weights of the carriers.
        sunday_deliveries: whether parcels are delivered on Sundays.
    """

    cancelled_share: Share
    capture_hours: Duration
    ship_hours: Duration
    delivery_days: Duration
    carriers: Annotated[dict[Literal["dhl", "ups", "fedex", "post"], Weight], Meta(min_length=1)]
    sunday_deliveries: bool = False


class Returns(Section, frozen=True, kw_only=True):
    """Returns, and refunds with and without a return.

    Attributes:
        share: share of delivered orders that are returned.
        days: from the delivery to the return, median.
        refund_days: from the return to the refund, median.
        goodwill_share: share of delivered orders with a partial refund without a return.
        goodwill_percent: amount of such a refund, in percent of the order's total.
    """

    share: Share
    days: Duration
    refund_days: Duration
    goodwill_share: Share
    goodwill_percent: Annotated[int, Meta(ge=1, le=100)]


class Reviews(Section, frozen=True, kw_only=True):
    """Product reviews by customers who received the product.

    Attributes:
        share: share of delivered order lines that are reviewed.
        days: from the delivery to the review, median.
        removed_share: share of reviews that are removed later.
        removed_days: from the review to its removal, median.
    """

    share: Share
    days: Duration
    removed_share: Share
    removed_days: Duration


class Stock(Section, frozen=True, kw_only=True):
    """Stock in the warehouse of each lane.

    Attributes:
        cover_days: target stock of a product, in days of expected demand.
        minimum: minimum target stock of a product, in units.
        reorder_share: the warehouse reorders if stock plus ordered units are below this share of the target.
        lead_days: from the order to the supplier's delivery, median.
    """

    cover_days: Duration
    minimum: Annotated[int, Meta(ge=1, le=100_000)]
    reorder_share: Share
    lead_days: Duration = 3.0


class Scenario(Section, frozen=True, kw_only=True):
    """A shop and its behaviour. The output depends only on the scenario, the seed and `VERSION`."""

    version: Annotated[Literal[1], Meta(description="Version of the file format.")] = FORMAT
    name: Annotated[ScenarioName, Meta(description="Name of the shop; part of its publisher's name.")]
    description: Annotated[Description, Meta(description="What is special about this shop, for human readers.")]
    start: Annotated[
        dt.date, Meta(description="The day on which the shop opens; the first event is after midnight UTC.")
    ]
    currency: Annotated[CurrencyCode, Meta(description="Currency of list prices and of all amounts in this file.")]
    currencies: Annotated[
        dict[CurrencyCode, Annotated[float, Meta(gt=0, le=20_000)]],
        Meta(description="Exchange rates: one unit of `currency` in each other currency that customers pay in."),
    ] = msgspec.field(default_factory=dict)
    lanes: Annotated[
        int, Meta(ge=1, le=4096, description="Number of independent parts of the shop; it changes the output.")
    ]
    window_hours: Annotated[
        int, Meta(ge=6, le=24 * 366, description="Maximum length of a window, in hours of event time.")
    ]
    seasons: Seasons
    customers: Customers
    catalogue: Catalogue
    sessions: Sessions
    funnel: Funnel
    orders: Orders
    payments: Payments
    fulfilment: Fulfilment
    returns: Returns
    reviews: Reviews
    stock: Stock
    holidays: Holidays = Holidays()
    trend: Trend = Trend()
    campaigns: Annotated[tuple[Campaign, ...], Meta(max_length=200)] = ()
    flash_sales: Annotated[tuple[FlashSale, ...], Meta(max_length=200)] = ()
    faults: Faults = Faults()

    def to_dict(self) -> dict[str, Any]:
        """The definition as plain JSON values; `scenario_from_dict` reads it."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    @property
    def digest(self) -> str:
        """sha256 of the definition as canonical JSON, hexadecimal."""
        return hashlib.sha256(msgspec.json.encode(self.to_dict(), order="sorted")).hexdigest()

    @property
    def start_ms(self) -> int:
        """Start of window 0: midnight UTC of `start`, milliseconds since 1970."""
        return int(dt.datetime.combine(self.start, dt.time(), tzinfo=dt.UTC).timestamp()) * 1000

    @property
    def window_ms(self) -> int:
        """Length of a period of event time in milliseconds."""
        return self.window_hours * 3_600_000
