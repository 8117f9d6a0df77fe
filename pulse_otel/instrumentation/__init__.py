"""The recording half: calls of the provider SDKs become OpenTelemetry spans.

Knows the OpenTelemetry API only; what becomes of a span is the other half's business.
"""
