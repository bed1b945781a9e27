"""A look at a provider: whether it answers, takes the key and has the model. Costs nothing."""

from __future__ import annotations

import asyncio

import orjson

from vision.config.narration import ProviderSettings
from vision.config.secrets import SecretFiles
from vision.domain.errors import VisionError
from vision.domain.narration import AttemptOutcome
from vision.narration.answer import AttemptFailedError
from vision.narration.chat import ChatClient
from vision.narration.network import open_pool
from vision.narration.provider import key_file, read_key
from vision.narration.resolver import Resolver

# A person waits for it, not an event.
_PATIENCE_S = 5.0
_REMEDIES = {
    AttemptOutcome.TIMEOUT: "it does not answer: check url and the way there",
    AttemptOutcome.DNS: "its name has no address that may be used: check url",
    AttemptOutcome.UNREACHABLE: "nobody listens there: check url, and whether it runs",
    AttemptOutcome.TLS: "its certificate was not accepted: check url and ca_file",
    AttemptOutcome.REFUSED: "it does not know this path: url has to end as /v1 does",
    AttemptOutcome.REDIRECTED: "it names another address, which is not asked: check url",
    AttemptOutcome.MALFORMED: "what answers there is no language model's API: check url",
}


def probe_provider(provider: ProviderSettings, secrets: SecretFiles) -> str:
    """What was found.

    Raises:
        VisionError: It could not be asked for a sentence; the text says what to do.
    """
    key = read_key(provider, secrets)
    plain = key.get_secret_value() if key else None
    try:
        body = asyncio.run(_models(provider, plain))
    except AttemptFailedError as failure:
        outcome = failure.outcome
    else:
        return _text(provider, body, has_key=plain is not None)
    remedy = _REMEDIES.get(outcome, "try again later")
    if outcome is AttemptOutcome.UNAUTHORIZED:
        remedy = f"it refuses the key: check the secret file {key_file(provider)}"
    raise VisionError(f"{outcome.value}: {remedy}")


async def _models(provider: ProviderSettings, key: str | None) -> bytes:
    client = ChatClient(provider, open_pool(provider, Resolver(), 1))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await client.models(key)
    except TimeoutError:
        raise AttemptFailedError(AttemptOutcome.TIMEOUT) from None
    finally:
        await client.close()


def _text(provider: ProviderSettings, body: bytes, *, has_key: bool) -> str:
    names = _names(body)
    # Ollama adds a tag to a name that has none.
    if names and not {provider.model, f"{provider.model}:latest"} & names:
        raise VisionError(
            f"answers, but has no model {provider.model!r}: pull it there, or name another"
        )
    return f"answers, model {provider.model}{'' if names else ' not looked up'}" + (
        "" if has_key else ", no key"
    )


def _names(body: bytes) -> set[str]:
    """The models that there are; empty where the API does not tell."""
    try:
        return {str(model["id"]) for model in orjson.loads(body)["data"]}
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return set()
