"""The SDKs that `other_sdks.py` runs: packages, program, and the lines of the instrumentation."""

from __future__ import annotations

from dataclasses import dataclass

from environments import ROOT

PROGRAMS = ROOT / "examples" / "other_sdks"


@dataclass(frozen=True)
class OtherSdk:
    """An SDK that we do not record, and one instrumentation of it."""

    name: str
    by: str
    file: str
    packages: tuple[str, ...]
    lines: str  # that the program has for it
    environ: tuple[tuple[str, str], ...] = ()


def _lines(module: str, name: str) -> str:
    return f"from {module} import {name}\n\n{name}().instrument()"


OI, OTEL = "openinference-instrumentation-", "opentelemetry-instrumentation-"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
NOTHING = "# none is needed"
GOOGLE, BEDROCK = "google_genai_calls.py", "bedrock_calls.py"
MISTRAL, COHERE, MCP = "mistral_calls.py", "cohere_calls.py", "mcp_tools.py"
SDKS = (
    OtherSdk(
        "google-genai",
        "OpenInference",
        GOOGLE,
        ("google-genai", f"{OI}google-genai"),
        _lines("openinference.instrumentation.google_genai", "GoogleGenAIInstrumentor"),
    ),
    OtherSdk(
        "google-genai",
        "OpenTelemetry",
        GOOGLE,
        ("google-genai<3", f"{OTEL}google-genai"),  # what it instruments
        _lines("opentelemetry.instrumentation.google_genai", "GoogleGenAiSdkInstrumentor"),
        ((CONTENT, "SPAN_ONLY"),),
    ),
    OtherSdk(
        "Bedrock by boto3",
        "OpenInference",
        BEDROCK,
        ("boto3", f"{OI}bedrock"),
        _lines("openinference.instrumentation.bedrock", "BedrockInstrumentor"),
    ),
    OtherSdk(
        "Bedrock by boto3",
        "OpenTelemetry",
        BEDROCK,
        ("boto3", f"{OTEL}botocore"),
        _lines("opentelemetry.instrumentation.botocore", "BotocoreInstrumentor"),
        ((CONTENT, "true"),),
    ),
    OtherSdk(
        "mistralai",
        "itself",
        MISTRAL,
        ("mistralai",),
        NOTHING,
        (("MISTRAL_SDK_TELEMETRY", "global"),),
    ),
    OtherSdk(
        "mistralai",
        "OpenInference",
        MISTRAL,
        ("mistralai", f"{OI}mistralai"),
        _lines("openinference.instrumentation.mistralai", "MistralAIInstrumentor"),
    ),
    OtherSdk(
        "cohere",
        "OpenLLMetry",
        COHERE,
        ("cohere<6", f"{OTEL}cohere"),
        _lines("opentelemetry.instrumentation.cohere", "CohereInstrumentor"),
    ),
    OtherSdk("mcp", "itself", MCP, ("mcp",), NOTHING),
)
