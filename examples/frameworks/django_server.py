"""Record a Django server: an answer and a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
export DJANGO_SETTINGS_MODULE=django_server PYTHONPATH=examples/frameworks
python examples/frameworks/django_server.py
"""

import threading
from collections.abc import Iterator
from urllib.request import urlopen
from wsgiref.simple_server import make_server

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from openai import OpenAI

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

ROOT_URLCONF, ALLOWED_HOSTS = "django_server", ["127.0.0.1"]
MIDDLEWARE: list[str] = []
ASKED = [{"role": "user", "content": "What is the weather in Paris?"}]
create = OpenAI().chat.completions.create


@pulse_otel.session("call", user_id="ada")
def answer(request: HttpRequest) -> HttpResponse:
    made = create(model="gpt-4o-mini", messages=ASKED)
    return HttpResponse(made.choices[0].message.content)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[str]:
        with pulse_otel.session("stream", user_id="ada"):  # where the call is made and read
            for chunk in create(model="gpt-4o-mini", messages=ASKED, stream=True):
                yield (chunk.choices[0].delta.content or "") if chunk.choices else ""

    return StreamingHttpResponse(pieces())


urlpatterns = [path("answer", answer), path("stream", stream)]

if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for page in ("answer", "stream"):
        print(urlopen(f"http://127.0.0.1:{server.server_port}/{page}").read().decode())
    server.shutdown()
