"""
Ask a model behind an endpoint that speaks the OpenAI format. Usable without Django:

    network = Network(system_resolver, httpcore2.SyncBackend(), time.monotonic)
    client = LLMClient("http://localhost:8000/v1", "my-model", transport=Direct(network), pause=time.sleep)
    client.chat(client.body([{"role": "user", "content": "Hello"}], temperature=0)).text
"""

from curation.engine.llm.asking import Replies, ask_all, request_key
from curation.engine.llm.client import CHAT, EMBEDDINGS, Answer, LLMClient
from curation.engine.llm.config import KEYS, EndpointConfig, EndpointKind
from curation.engine.llm.faults import Declined, EndpointFault
from curation.engine.llm.transport import Direct, Transport

__all__ = [
    "CHAT",
    "EMBEDDINGS",
    "KEYS",
    "Answer",
    "Declined",
    "Direct",
    "EndpointConfig",
    "EndpointFault",
    "EndpointKind",
    "LLMClient",
    "Replies",
    "Transport",
    "ask_all",
    "request_key",
]
