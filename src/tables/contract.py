"""The contract: what each table holds.

A table is a class, a column an attribute, a rule a sentence with its SQL condition; the sentence is the
message a broken row gets. Every row carries `event_id`, `at`, `known_at` and `deleted`; tables only grow:
a correction is a later version (by `known_at`) of the same `event_id`, and the latest version known counts.
"""

from typing import ClassVar

from tables.column import Column, choice, choices, day, flag, instant, integer, money, number, text

CONTACT_CHANNELS = (
    "email",
    "app_push",
    "wecom",
    "sms",
    "in_app",
    "phone",
    "community",
    "visit",
)
SALES_CHANNELS = ("store", "web", "app", "phone", "partner")
OFFER_KINDS = (
    "coupon",
    "points_multiplier",
    "free_delivery",
    "gift",
    "rebate",
    "product",
    "care",
    "win_back",
)
INTERACTION_KINDS = (
    "visit",
    "login",
    "message_opened",
    "message_clicked",
    "review",
    "share",
    "referral",
    "service_contact",
    "complaint_opened",
    "complaint_answered",
    "complaint_solved",
)


class Table:
    """What every table has. Subclasses add columns and rules; their docstring says what one row is."""

    table_name: ClassVar[str]
    columns: ClassVar[dict[str, Column]]
    rules: ClassVar[dict[str, str]] = {}
    # The columns of another table, as it was known when the row became visible, that its records carry:
    # new column -> (key column, other table, its column).
    joined: ClassVar[dict[str, tuple[str, str, str]]] = {}

    event_id = text("names the event; a later version of it corrects or deletes the earlier one")
    at = instant("when it happened, or from when it holds")
    known_at = instant("when it reached us; by default, when it happened", required=False)
    deleted = flag("true: the event is withdrawn from known_at on", required=False)

    def __init_subclass__(cls) -> None:
        cls.table_name = cls.__name__.lower()
        cls.columns = {
            name: column
            for base in reversed(cls.__mro__)
            for name, column in vars(base).items()
            if isinstance(column, Column)
        }

    @classmethod
    def is_of_a_customer(cls) -> bool:
        return "customer_id" in cls.columns


class Customers(Table):
    """A customer's attributes from a moment on; a change is a new row, so that history is kept."""

    customer_id = text("the customer")
    name = text("a person's or a company's name", required=False, recorded=False)
    kind = choice("private person or company", ("B2C", "B2B"), required=False)
    gender = choice("as the customer states it", ("female", "male", "other"), required=False)
    birth_on = day("birth date", required=False)
    region = text("where the customer lives or trades", required=False, bits=32)
    industry = text("a company's industry", required=False, bits=32)
    owner = text("the employee who looks after the customer", required=False, bits=32)
    level = integer("membership level, 0 the lowest", required=False)
    joined_at = instant("when the customer joined the programme", required=False)
    consents = choices("channels the customer may be contacted on", CONTACT_CHANNELS, required=False)
    personalised = flag(
        "false: asked that nothing be chosen from their data; missing: did not", required=False
    )
    contract_from = day("first day of the contract", required=False)
    contract_until = day("last day of the contract", required=False)
    merged_into = text("from this moment on the same customer as this one", required=False)

    rules: ClassVar[dict[str, str]] = {
        "a customer is born before the row holds": 'birth_on is null or birth_on <= cast("at" as date)',
        "a contract ends after it begins": "contract_from is null or contract_until is null "
        "or contract_until >= contract_from",
        "a level is not negative": "level is null or level >= 0",
        "a customer is not merged into itself": "merged_into is null or merged_into <> customer_id",
    }


class Products(Table):
    """A product from a moment on."""

    product_id = text("the product")
    name = text("its name", required=False, recorded=False)
    category = text("its category", required=False)
    brand = text("its brand", required=False)
    list_price = money("price of one piece without discount", required=False)
    unit_cost = money("what one piece costs the business", required=False)

    rules: ClassVar[dict[str, str]] = {
        "a list price is not negative": "list_price is null or list_price >= 0",
        "a unit cost is not negative": "unit_cost is null or unit_cost >= 0",
    }


class Transactions(Table):
    """An order line; a negative quantity is a return. Lines of one order_id at one moment are one order."""

    customer_id = text("who bought", references="customers")
    order_id = text("the order the line belongs to", bits=32)
    quantity = integer("pieces; negative: returned", bits=32)
    amount = money("paid for the line after discount; negative: paid back")
    product_id = text("what was bought", required=False, references="products")
    discount = money("taken off the price of the line; missing: none", required=False)
    channel = choice("where it was bought", SALES_CHANNELS, required=False)
    store_id = text("the store", required=False, bits=32)
    returns_event_id = text("the order line that this one returns", required=False, recorded=False)

    rules: ClassVar[dict[str, str]] = {
        "a quantity is not zero": "quantity <> 0",
        "a sale has no negative price": "quantity < 0 or amount >= 0",
        "a return pays back": "quantity > 0 or amount <= 0",
        "a discount is not negative": "discount is null or discount >= 0",
    }
    joined: ClassVar[dict[str, tuple[str, str, str]]] = {
        "category": ("product_id", "products", "category"),
        "brand": ("product_id", "products", "brand"),
        "list_price": ("product_id", "products", "list_price"),
        "unit_cost": ("product_id", "products", "unit_cost"),
    }


class Points(Table):
    """A movement of loyalty points."""

    customer_id = text("whose points", references="customers")
    kind = choice("what happened to them", ("earned", "spent", "expired"))
    points = integer("how many, always positive")
    expires_at = instant("when earned points lapse", required=False)

    rules: ClassVar[dict[str, str]] = {
        "points are positive": "points > 0",
        "points expire after they are earned": 'expires_at is null or expires_at >= "at"',
    }


class Interactions(Table):
    """A touch between the customer and us. A complaint is opened, answered and solved: three events."""

    customer_id = text("who", references="customers")
    kind = choice("what happened", INTERACTION_KINDS)
    channel = choice("where", (*CONTACT_CHANNELS, *SALES_CHANNELS[:3]), required=False)
    case_id = text("the complaint the event belongs to", required=False, bits=32)
    referred_customer_id = text("whom the customer referred", required=False)
    rating = number("stars of a review, 1 to 5", required=False)

    rules: ClassVar[dict[str, str]] = {
        "a complaint names its case": "not starts_with(kind, 'complaint') or case_id is not null",
        "a rating lies between 1 and 5": "rating is null or rating between 1 and 5",
    }


class Offers(Table):
    """An offer from a moment on."""

    offer_id = text("the offer")
    kind = choice("what it is", OFFER_KINDS)
    name = text("its name", required=False, recorded=False)
    reward = money("what it is worth to the customer who redeems it")
    cost = money("what a redemption costs the business")
    contact_cost = money("what telling one customer costs; missing: nothing", required=False)
    minimum_spend = money("spend that makes it redeemable; missing: none", required=False)
    category = text("the category it is limited to", required=False)
    starts_at = instant("first moment it may be used")
    ends_at = instant("last moment it may be used", required=False)
    stock = integer("redemptions that are left; missing: no end of them", required=False)
    channels = choices("channels it may be told on; missing: all", CONTACT_CHANNELS, required=False)

    rules: ClassVar[dict[str, str]] = {
        "a reward is not negative": "reward >= 0",
        "a cost is not negative": "cost >= 0",
        "a stock is not negative": "stock is null or stock >= 0",
        "an offer ends after it starts": "ends_at is null or ends_at >= starts_at",
    }


class Contacts(Table):
    """An offer sent or shown to a customer, or held back from one who would have got it."""

    customer_id = text("whom", references="customers")
    offer_id = text("which offer", references="offers")
    kind = choice("what was done", ("sent", "shown", "held_back"))
    channel = choice("where", CONTACT_CHANNELS, required=False)
    propensity = number("probability with which the policy of the time did this", required=False)

    rules: ClassVar[dict[str, str]] = {
        "a propensity is above 0 and at most 1": "propensity is null or (propensity > 0 and propensity <= 1)",
    }
    joined: ClassVar[dict[str, tuple[str, str, str]]] = {
        "offer_kind": ("offer_id", "offers", "kind"),
        "reward": ("offer_id", "offers", "reward"),
    }


class Responses(Table):
    """What came of a contact: seen, taken up, used. Each is its own event."""

    customer_id = text("who", references="customers")
    contact_id = text("the contact's event_id", references="contacts")
    kind = choice("what came", ("viewed", "accepted", "redeemed"))
    revenue = money("money taken with a redemption", required=False)

    rules: ClassVar[dict[str, str]] = {
        "revenue is not negative": "revenue is null or revenue >= 0",
    }


class Surveys(Table):
    """An answer to a survey."""

    customer_id = text("who answered", references="customers")
    kind = choice("which question", ("nps", "csat"))
    score = number("NPS 0 to 10, CSAT 1 to 5")

    rules: ClassVar[dict[str, str]] = {
        "a score lies on its scale": "case kind when 'nps' then score between 0 and 10 "
        "else score between 1 and 5 end",
    }


TABLES: dict[str, type[Table]] = {
    table.table_name: table
    for table in (
        Customers,
        Products,
        Transactions,
        Points,
        Interactions,
        Offers,
        Contacts,
        Responses,
        Surveys,
    )
}
# The key another table refers to.
KEYS = {
    "customers": "customer_id",
    "products": "product_id",
    "offers": "offer_id",
    "contacts": "event_id",
}
CUSTOMER_TABLES = tuple(name for name, table in TABLES.items() if table.is_of_a_customer())
