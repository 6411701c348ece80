"""Topic `customers`, keyed by customer: profile, segment and account status."""

from __future__ import annotations

from typing import Annotated, Literal

from shoplake.contract.base import PERSONAL, Country, Currency, Event, Id, Text

Segment = Literal["bargain", "regular", "loyal", "premium"]


class CustomerRegistered(Event, frozen=True, kw_only=True, tag="customer_registered"):
    """Someone opened an account."""

    customer_id: Id
    name: Annotated[Text, PERSONAL]
    email: Annotated[Text, PERSONAL]
    segment: Segment
    street: Annotated[Text, PERSONAL]
    postcode: Annotated[Text, PERSONAL]
    city: Annotated[Text, PERSONAL]
    country: Country
    currency: Currency
    marketing_opt_in: bool


class CustomerAddressChanged(Event, frozen=True, kw_only=True, tag="customer_address_changed"):
    """A customer moved."""

    customer_id: Id
    street: Annotated[Text, PERSONAL]
    postcode: Annotated[Text, PERSONAL]
    city: Annotated[Text, PERSONAL]
    country: Country


class CustomerPreferencesChanged(Event, frozen=True, kw_only=True, tag="customer_preferences_changed"):
    """A customer allowed or forbade marketing."""

    customer_id: Id
    marketing_opt_in: bool


class CustomerSegmentChanged(Event, frozen=True, kw_only=True, tag="customer_segment_changed"):
    """The shop moved a customer to another segment."""

    customer_id: Id
    segment: Segment


class CustomerDeactivated(Event, frozen=True, kw_only=True, tag="customer_deactivated"):
    """A customer account was closed."""

    customer_id: Id
    reason: Literal["inactive", "requested"]


class CustomerReactivated(Event, frozen=True, kw_only=True, tag="customer_reactivated"):
    """A closed customer account was opened again."""

    customer_id: Id
