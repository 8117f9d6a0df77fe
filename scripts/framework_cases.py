"""The frameworks that `frameworks.py` runs: packages, program, and how their own spans are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from environments import ROOT

WAYS = ("ours alone", "zero code", "own spans")
PROGRAMS = ROOT / "examples" / "frameworks"


@dataclass(frozen=True)
class Limit:
    """Columns of a cell that cannot be as they should, and why."""

    way: str
    columns: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Case:
    """A framework.

    `own` are the lines that switch its own spans on, by its telemetry or by the instrumentation
    that its users take; `tools` says how many tools its program runs.
    """

    name: str
    file: str
    packages: tuple[str, ...]
    own: str
    tools: int = 1
    shown: tuple[str, ...] = ()  # packages whose versions the page has; the first if empty
    runs: tuple[str, ...] = ("agent", "call", "stream")  # the sessions of its program
    left: int = 0  # streams whose client leaves before their end, and their tokens
    environ: tuple[tuple[str, str], ...] = ()
    own_environ: tuple[tuple[str, str], ...] = ()  # with own spans
    limits: tuple[Limit, ...] = ()

    @property
    def program(self) -> Path:
        """The program."""
        return PROGRAMS / self.file

    def limited(self, way: str) -> set[str]:
        """Return the columns that cannot be as they should when run in this way."""
        return {column for one in self.limits if one.way == way for column in one.columns}

    @property
    def versions_shown(self) -> tuple[str, ...]:
        """The packages whose versions the page has."""
        return self.shown or self.packages[:1]


def _openinference(module: str, name: str) -> str:
    return f"from openinference.instrumentation.{module} import {name}\n\n{name}().instrument()\n"


def _web(module: str, name: str) -> str:
    return f"from opentelemetry.instrumentation.{module} import {name}\n\n{name}().instrument()\n"


IN_TEXT = (
    "it asks for tools in text, or sends their results as text. Nothing in its requests says that "
    "there was a tool, nor which calls are of one run. Its own spans do, or a span of yours."
)
OWN_CLIENT = (
    "it calls Anthropic, and the Responses API, by an HTTP client of its own. Its callback records "
    "these calls."
)
MADE_BEFORE = (
    "it makes a span of its own where an agent is constructed, which is before the run, and in "
    "another trace."
)
OI = "openinference-instrumentation-"
CASES = (
    Case(
        "LangChain, LangGraph",
        "langchain_agent.py",
        ("langchain", "langgraph", "langchain-openai", "langchain-anthropic", f"{OI}langchain"),
        _openinference("langchain", "LangChainInstrumentor"),
        shown=("langchain", "langgraph", f"{OI}langchain"),
    ),
    Case(
        "OpenAI Agents",
        "openai_agents.py",
        ("openai-agents", f"{OI}openai-agents"),
        _openinference("openai_agents", "OpenAIAgentsInstrumentor"),
        shown=("openai-agents", f"{OI}openai-agents"),
    ),
    Case(
        "Pydantic AI",
        "pydantic_ai_agent.py",
        ("pydantic-ai-slim[openai,anthropic]",),
        "Agent.instrument_all()\n",
        tools=2,
        shown=("pydantic-ai-slim",),
    ),
    Case(
        "Instructor",
        "instructor_models.py",
        ("instructor", f"{OI}instructor"),
        _openinference("instructor", "InstructorInstrumentor"),
        tools=0,
        runs=("call", "claude", "stream"),
        shown=("instructor", f"{OI}instructor"),
    ),
    Case(
        "LiteLLM",
        "litellm_calls.py",
        ("litellm",),
        'litellm.callbacks = ["otel"]\n',
        runs=("agent", "call", "stream", "claude"),
        limits=tuple(Limit(way, ("records", "trees", "tokens"), OWN_CLIENT) for way in WAYS[:2]),
    ),
    Case(
        "LlamaIndex",
        "llama_index_agent.py",
        ("llama-index-core", "llama-index-llms-openai", f"{OI}llama-index"),
        _openinference("llama_index", "LlamaIndexInstrumentor"),
        shown=("llama-index-core", f"{OI}llama-index"),
    ),
    Case(
        "CrewAI",
        "crewai_crew.py",
        ("crewai", f"{OI}crewai"),
        _openinference("crewai", "CrewAIInstrumentor"),
        runs=("agent", "call"),
        shown=("crewai", f"{OI}crewai"),
    ),
    Case(
        "DSPy",
        "dspy_react.py",
        ("dspy", f"{OI}dspy"),
        _openinference("dspy", "DSPyInstrumentor"),
        tools=2,  # its end is a tool, too
        limits=(Limit("ours alone", ("trees", "tools"), IN_TEXT),),
        runs=("agent", "call"),
        shown=("dspy", f"{OI}dspy"),
    ),
    Case(
        "AutoGen",
        "autogen_agent.py",
        ("autogen-agentchat", "autogen-ext[openai]"),
        "",
        limits=tuple(Limit(way, ("trees",), MADE_BEFORE) for way in WAYS[1:]),
    ),
    Case(
        "Haystack",
        "haystack_agent.py",
        ("haystack-ai", f"{OI}haystack"),
        _openinference("haystack", "HaystackInstrumentor"),
        shown=("haystack-ai", f"{OI}haystack"),
    ),
    Case(
        "Agno",
        "agno_agent.py",
        ("agno", f"{OI}agno"),
        _openinference("agno", "AgnoInstrumentor"),
        shown=("agno", f"{OI}agno"),
    ),
    Case(
        "smolagents",
        "smolagents_agent.py",
        ("smolagents[openai]", f"{OI}smolagents"),
        _openinference("smolagents", "SmolagentsInstrumentor"),
        tools=2,  # its last answer is a tool, too
        limits=(Limit("ours alone", ("trees", "tools"), IN_TEXT),),
        shown=("smolagents", f"{OI}smolagents"),
    ),
    Case(
        "Strands Agents",
        "strands_agent.py",
        ("strands-agents[openai,anthropic]",),
        "",
        runs=("agent", "stream"),
        shown=("strands-agents",),
    ),
    Case("Google ADK", "adk_agent.py", ("google-adk", "litellm"), "", runs=("agent", "call")),
    Case(
        "Semantic Kernel",
        "semantic_kernel_agent.py",
        ("semantic-kernel",),
        "",
        own_environ=(
            ("SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS", "true"),
            ("SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE", "true"),
        ),
    ),
    Case("Langfuse's client", "langfuse_client.py", ("langfuse",), ""),
    Case(
        "FastAPI",
        "fastapi_server.py",
        ("fastapi", "uvicorn", "httpx", "opentelemetry-instrumentation-fastapi"),
        _web("fastapi", "FastAPIInstrumentor"),
        tools=0,
        runs=("call", "stream", "left"),
        left=1,
    ),
    Case(
        "Django",
        "django_server.py",
        ("django", "opentelemetry-instrumentation-django"),
        _web("django", "DjangoInstrumentor"),
        environ=(("DJANGO_SETTINGS_MODULE", "django_server"), ("PYTHONPATH", ".")),
        tools=0,
        runs=("call", "stream"),
    ),
    Case("a notebook", "notebook.ipynb", ("nbclient", "ipykernel"), ""),
)
