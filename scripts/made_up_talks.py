"""What the made-up calls of a shop's assistant are about."""

from __future__ import annotations

SYSTEM = "You help the customers of a furniture shop. Be brief and kind."
# Provider, model, the model that answers, $ per 1,000 tokens in and out.
MODELS = (
    ("openai", "gpt-5", "gpt-5-2026-08-07", 0.00125, 0.01),
    ("openai", "gpt-5-mini", "gpt-5-mini-2026-08-07", 0.00025, 0.002),
    ("anthropic", "claude-opus-5", "claude-opus-5", 0.005, 0.025),
    ("anthropic", "claude-haiku-5", "claude-haiku-5", 0.001, 0.005),
)
USERS = ("ada", "grace", "linus", "barbara", "edsger", "margaret", "donald", "radia")
TALKS = (
    ("Where is my order {n}?", "It left our warehouse this morning and arrives on Thursday."),
    (
        "Can I return the lamp? It is too bright for the hall.",
        "Yes, within 30 days. I have sent you a label; put it on the box and leave it at any post"
        " office.",
    ),
    (
        "Which of the two desks fits a room of 2 by 3 metres?",
        "The small one: it is 120 cm wide and leaves room for a chair and for the door.",
    ),
    (
        "Please write to the customer of order {n} that the sofa will be late.",
        "Dear customer, your sofa will reach us a week later than planned. We are sorry, and bring"
        " it to your door on the first day we can.",
    ),
    (
        "Summarise what people say about the oak table.",
        "Most like the wood and the finish. A few found the legs hard to mount, and two received a"
        " scratched top.",
    ),
    ("Translate: the shelf holds up to 40 kg.", "Das Regal trägt bis zu 40 kg."),
    (
        "How many chairs of the series Nora are left?",
        "There are {n} in stock, and forty more will come on Monday.",
    ),
    (
        "Is the fabric washable?",
        "Yes, at 30 degrees. Take the covers off, and close the zips first.",
    ),
)
ERRORS = (
    ("RateLimitError", 429, "Rate limit reached for requests per minute. Try again in 20 s."),
    ("APIStatusError", 529, "Overloaded"),
    ("BadRequestError", 400, "This model's maximum context length is 400,000 tokens."),
)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": said,
            "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
        },
    }
    for name, said in (
        ("find_order", "Find an order by its number, with its state and its parcels."),
        ("cancel_order", "Cancel an order that has not left the warehouse."),
    )
]
